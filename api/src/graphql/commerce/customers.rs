//! Customers: buyers in a store.

use async_graphql::{ID, InputObject, Json, Result};
use chrono::{DateTime, Utc};
use commerce::customers::{CustomerRow, CustomerSort};
use futures::FutureExt;
use futures::future::BoxFuture;
use platform::OpCtx;

use super::orders::Order;
use super::stores::Store;
use super::{parent, store_of};
use crate::graphql::input::{DateTimeRange, MoneyRange, ids, order_input, short, words};
use crate::graphql::objects::{IntoFilter, Planned, object, pages, referred};
use crate::graphql::scalars::{Money, money};
use crate::graphql::selection::Selected;

object! {
    /// A buyer in a store. Name, e-mail, phone and address are null where the provider withholds them.
    Customer(CustomerRow) {
        /// Opaque id, `customer_…`.
        id: ID = |row| row.id.to_string().into();
        /// The provider's id, unique in the store.
        external_id: String = |row| row.external_id.clone();
        /// First name.
        first_name: Option<String> = |row| row.first_name.clone();
        /// Last name.
        last_name: Option<String> = |row| row.last_name.clone();
        /// E-mail address.
        email: Option<String> = |row| row.email.clone();
        /// Phone number.
        phone: Option<String> = |row| row.phone.clone();
        /// Company, as in the address.
        company: Option<String> = |row| row.company.clone();
        /// City of the address.
        city: Option<String> = |row| row.city.clone();
        /// Province or prefecture of the address, as a code.
        province_code: Option<String> = |row| row.province_code.clone();
        /// Country of the address (ISO 3166-1 alpha-2).
        country_code: Option<String> = |row| row.country_code.clone();
        /// Phone number of the address.
        address_phone: Option<String> = |row| row.address_phone.clone();
        /// Whether the customer agreed to marketing by e-mail.
        accepts_email_marketing: bool = |row| row.accepts_email_marketing;
        /// When the consent to e-mail was last given or withdrawn (UTC).
        email_marketing_updated_at: Option<DateTime<Utc>> = |row| row.email_marketing_updated_at;
        /// Whether the customer agreed to marketing by SMS.
        accepts_sms_marketing: bool = |row| row.accepts_sms_marketing;
        /// When the consent to SMS was last given or withdrawn (UTC).
        sms_marketing_updated_at: Option<DateTime<Utc>> = |row| row.sms_marketing_updated_at;
        /// What the customer has spent in all, as the provider counts it.
        total_spent: Result<Money> = |row| money(row.total_spent_minor, &row.currency_code);
        /// How many orders the customer has placed, as the provider counts them.
        total_orders: i64 = |row| row.total_orders;
        /// Whether the customer is exempt from taxes.
        tax_exempt: bool = |row| row.tax_exempt;
        /// Tags: a list of text.
        tags: Json<serde_json::Value> = |row| Json(row.tags.clone());
        /// The company or shop that the customer runs.
        company_store_name: Option<String> = |row| row.company_store_name.clone();
        /// The customer's line of business.
        industry: Option<String> = |row| row.industry.clone();
        /// The segment that the customer was put into.
        segment: Option<String> = |row| row.segment.clone();
        /// Whether the customer is in use.
        is_active: bool = |row| row.is_active;
        /// When the customer came to be (UTC).
        created_at: DateTime<Utc> = |row| row.created_at;
        /// When the customer was last changed (UTC).
        updated_at: DateTime<Utc> = |row| row.updated_at;
        /// When Noren last wrote it (UTC).
        synced_at: DateTime<Utc> = |row| row.synced_at;
    }
    one {
        /// The store in which the customer buys.
        store: Store;
    }
    lists {
        /// The customer's orders.
        orders: Order;
    }
}

/// Which customers: everything that is given must hold.
#[derive(InputObject)]
pub struct CustomerFilter {
    /// Of one of these stores.
    store_ids: Option<Vec<ID>>,
    /// Created in this span.
    created_at: Option<DateTimeRange>,
    /// Changed in this span.
    updated_at: Option<DateTimeRange>,
    /// Who spent so much in all.
    total_spent: Option<MoneyRange>,
    /// With this e-mail; upper and lower case do not matter.
    email: Option<String>,
    /// Who agreed to marketing by e-mail, or did not.
    accepts_email_marketing: Option<bool>,
    /// In use, or not.
    is_active: Option<bool>,
    /// With all these words in name, e-mail, phone or company.
    text: Option<String>,
}

impl IntoFilter<commerce::customers::CustomerFilter> for CustomerFilter {
    fn into_filter(self) -> Result<commerce::customers::CustomerFilter> {
        Ok(commerce::customers::CustomerFilter {
            store_ids: ids(self.store_ids)?,
            created_at: self.created_at.map(DateTimeRange::read).transpose()?,
            updated_at: self.updated_at.map(DateTimeRange::read).transpose()?,
            total_spent: self.total_spent.map(MoneyRange::read).transpose()?,
            email: short(self.email)?,
            accepts_email_marketing: self.accepts_email_marketing,
            is_active: self.is_active,
            text: words(self.text)?,
        })
    }
}

order_input! {
    /// The order of a list of customers. Without it: the newest first.
    CustomerOrder by
    /// What customers are sorted by.
    CustomerSortKey for CustomerSort {
        /// When they came to be.
        CreatedAt,
        /// When they were last changed.
        UpdatedAt,
        /// What they spent in all, in minor units, whatever the currency.
        TotalSpent,
    }
    default CreatedAt Desc
}

impl Planned for Customer {
    type Row = CustomerRow;
    type FilterInput = CustomerFilter;
    type OrderInput = CustomerOrder;
    const NAME: &'static str = "Customer";

    fn bare(row: CustomerRow) -> Self {
        Self::unrelated(row)
    }

    fn row(&self) -> &CustomerRow {
        &self.row
    }

    fn relate<'a>(ctx: &'a OpCtx, customers: &'a mut [Self], selected: &'a Selected<'a>) -> BoxFuture<'a, Result<()>> {
        async move {
            if let Some(selected) = selected.one(Self::NAME, "store") {
                let stores = referred::<Store>(ctx, customers.iter().map(|c| store_of(c.row.tenant_id, c.row.store_id)), &selected).await?;
                for customer in customers.iter_mut() {
                    customer.store = stores.map(|found| found.get(&customer.row.store_id.uuid()).cloned());
                }
            }
            for (arguments, field) in selected.each(Self::NAME, "orders") {
                let parents: Vec<_> = customers.iter().map(|c| parent(c.row.tenant_id, c.row.id)).collect();
                let mut orders = pages::<Order>(ctx, &parents, "customer_id", &field).await?;
                for customer in customers.iter_mut() {
                    customer.orders.push(arguments.clone(), orders.remove(&customer.row.id.uuid()).unwrap_or_default());
                }
            }
            Ok(())
        }
        .boxed()
    }
}
