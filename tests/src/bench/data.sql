-- Two tenants with two stores each; in each store 1,000 customers, 100 products with two variants, 5,000 orders of a year with
-- one to five lines. Always the same rows.
create function pg_temp.uuid7(at timestamptz, seed text) returns uuid language sql immutable as $$
  select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(md5(seed), 1, 3) || '8' || substr(md5(seed), 4, 15))::uuid $$;

create function pg_temp.dice(seed text, sides int) returns int language sql immutable as $$
  select (('x' || substr(md5(seed), 1, 7))::bit(28)::int % sides) $$;

insert into tenants (id, company_name, company_name_key, search_text, contact_email, status, time_zone, locale, created_at, updated_at)
select pg_temp.uuid7('2025-01-01', 'tenant' || t), 'Tenant ' || t, 'tenant ' || t, 'tenant ' || t, 'owner' || t || '@example.com', 'ACTIVE', 'Asia/Tokyo', 'ja',
  '2025-01-01', '2025-01-01'
from generate_series(1, 2) t;

insert into stores (id, tenant_id, provider, name, name_key, domain, data_kind, status, settings, scopes, time_zone, currency_code, search_text,
  initial_setup_completed, created_at, updated_at)
select pg_temp.uuid7('2025-01-02', 'store' || t || s), pg_temp.uuid7('2025-01-01', 'tenant' || t), 'shopify', 'Store ' || t || s, 'store ' || t || s,
  'store-' || t || s || '.myshopify.com', 'PRODUCTION', 'ACTIVE', '{}', '[]', 'Asia/Tokyo', 'USD', 'store', true, '2025-01-02', '2025-01-02'
from generate_series(1, 2) t, generate_series(1, 2) s;

insert into customers (id, tenant_id, store_id, external_id, first_name, last_name, email, email_key, city, country_code, accepts_email_marketing,
  accepts_sms_marketing, total_spent_minor, currency_code, total_orders, tax_exempt, tags, is_active, search_text, created_at, updated_at, synced_at)
select pg_temp.uuid7('2025-01-03', s.id || 'customer' || n), s.tenant_id, s.id, 'c' || n, 'First' || n, 'Last' || n, 'buyer' || n || '@example.com',
  'buyer' || n || '@example.com', 'Tokyo', 'JP', true, false, 0, 'USD', 5, false, '["vip"]', true, 'first last', '2025-01-03', '2025-01-03', '2025-01-03'
from stores s, generate_series(1, 1000) n;

insert into products (id, tenant_id, store_id, external_id, title, title_key, handle, vendor, product_type, inventory_quantity, search_text, created_at,
  updated_at, synced_at)
select pg_temp.uuid7('2025-01-04', s.id || 'product' || n), s.tenant_id, s.id, 'p' || n, 'Product ' || n, 'product ' || n, 'product-' || n, 'Vendor ' || n % 7,
  'Type ' || n % 5, n, 'product', '2025-01-04', '2025-01-04', '2025-01-04'
from stores s, generate_series(1, 100) n;

insert into product_variants (id, tenant_id, store_id, product_id, external_id, title, sku, price_minor, currency_code, inventory_quantity, options,
  requires_shipping, taxable, created_at, updated_at, synced_at)
select pg_temp.uuid7('2025-01-05', p.id || 'variant' || v), p.tenant_id, p.store_id, p.id, p.external_id || 'v' || v, 'Size ' || v, 'SKU-' || p.external_id || v,
  1000 * v, 'USD', 10, '[{"name": "Size", "value": "M"}]', true, true, '2025-01-05', '2025-01-05', '2025-01-05'
from products p, generate_series(1, 2) v;

insert into orders (id, tenant_id, store_id, customer_id, external_id, external_customer_id, number, email, email_key, total_price_minor,
  subtotal_price_minor, tax_price_minor, currency_code, status, financial_status, fulfillment_status, test, search_text, processed_at, created_at, updated_at,
  synced_at)
select pg_temp.uuid7(at, s.id || 'order' || n), s.tenant_id, s.id, pg_temp.uuid7('2025-01-03', s.id || 'customer' || customer), 'o' || n, 'c' || customer,
  '#' || 1000 + n, 'buyer' || customer || '@example.com', 'buyer' || customer || '@example.com', total, total, total / 10, 'USD', 'OPEN', 'PAID', 'FULFILLED',
  false, 'order', at, at, at, at
from stores s, generate_series(1, 5000) n,
  lateral (select timestamptz '2025-02-01' + n * interval '105 minutes' + pg_temp.dice(s.id || 'at' || n, 6000) * interval '1 second' as at,
    1 + pg_temp.dice(s.id || 'by' || n, 1000) as customer, 1000::bigint * (1 + pg_temp.dice(s.id || 'total' || n, 90)) as total) made;

insert into order_items (id, tenant_id, store_id, order_id, external_id, external_product_id, external_variant_id, position, product_title, product_handle,
  product_vendor, product_type, sku, variant_title, price_minor, quantity, total_price_minor, currency_code, options, requires_shipping, taxable, created_at,
  updated_at)
select pg_temp.uuid7(o.created_at, o.id || 'item' || n), o.tenant_id, o.store_id, o.id, o.external_id || 'i' || n, 'p' || product, 'p' || product || 'v1', n,
  'Product ' || product, 'product-' || product, 'Vendor ' || product % 7, 'Type ' || product % 5, 'SKU-p' || product || '1', 'Size 1', 1000, n, 1000 * n, 'USD',
  '[{"name": "Size", "value": "M"}]', true, true, o.created_at, o.created_at
from orders o, generate_series(1, 5) n, lateral (select 1 + pg_temp.dice(o.id || 'product' || n, 100) as product) made
where n <= 1 + pg_temp.dice(o.id || 'items', 5);
