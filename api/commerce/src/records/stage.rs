//! From what a record says to staged rows: folding, checks against the store, and the cells in their columns' order.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, Datelike, Utc};
use entities::{Currency, ImportRunId, Money, OrderStatus, TenantId};
use integrations::ports::commerce::{
    BulkRecord, CustomerRecord, Field, LineError, OptionValue, OrderItemRecord, OrderRecord, ProductRecord, ProductVariantRecord, RecordKind,
};
use platform::Ids;
use platform::text::{fold, search_text};
use serde::Serialize;
use uuid::Uuid;

use super::forgotten::Forgotten;
use super::rows::{Batch, Cell, Form};
use super::search::order_text;
use super::shape::{SHAPES, Shape, shape};

/// The kind of a line that is not about anything known.
pub(crate) const NO_KIND: &str = "LINE";
/// A folded text that an index holds may not be longer (bytes).
const LONGEST_KEY: usize = 1_000;
/// Embedded customers that are remembered, so that their repetition need not be staged.
const REMEMBERED_CUSTOMERS: usize = 16_384;

/// In `carried`: the row's line is its own, not that of an order around it.
pub(crate) const OWN_LINE: i64 = 1 << 40;

type Row = Result<(), String>;

/// Whose rows are staged.
#[derive(Clone, Copy)]
pub(crate) struct For {
    pub tenant: TenantId,
    pub run: ImportRunId,
    pub currency: Currency,
    pub form: Form,
}

/// Turns lines into rows of the staging tables.
pub(crate) struct Stager {
    target: For,
    ids: Ids,
    batches: [Batch; SHAPES.len()],
    rejections: Batch,
    seen_customers: HashMap<String, u64>,
    forgotten: Forgotten,
}

impl Stager {
    /// Of those who are forgotten it stages no person.
    pub fn new(target: For, ids: Ids, forgotten: Forgotten) -> Self {
        let batches = SHAPES.map(|shape| Batch::of_shape(shape, target.form));
        Self { target, ids, batches, rejections: Batch::of_rejections(target.form), seen_customers: HashMap::new(), forgotten }
    }

    /// The rows so far; begins new ones.
    pub fn take(&mut self) -> Vec<Batch> {
        let mut taken: Vec<Batch> = self.batches.iter_mut().map(Batch::take).collect();
        taken.push(self.rejections.take());
        taken.retain(|batch| !batch.is_empty());
        taken
    }

    /// The rows of one kind so far; begins new ones.
    pub fn take_kind(&mut self, kind: RecordKind) -> Batch {
        self.batches[kind as usize].take()
    }

    /// Stages what a line says, or why it is rejected.
    pub fn line(&mut self, number: u64, read: Result<BulkRecord, LineError>) {
        if let Err(error) = read.and_then(|record| self.record(number, record)) {
            self.reject(number, &error);
        }
    }

    /// Stages a record; of one that is not taken nothing is staged.
    pub fn record(&mut self, number: u64, record: BulkRecord) -> Result<(), LineError> {
        let marks = [self.batches[0].mark(), self.batches[1].mark(), self.batches[2].mark(), self.batches[3].mark(), self.batches[4].mark()];
        let (kind, external_id, staged) = match self.forgotten.strip(record) {
            BulkRecord::Customer(record) => (RecordKind::Customer, record.external_id.clone(), self.customer(number, &record, OWN_LINE)),
            BulkRecord::Product(record) => (RecordKind::Product, record.external_id.clone(), self.product(number, &record)),
            BulkRecord::ProductVariant(record) => (RecordKind::ProductVariant, record.external_id.clone(), self.product_variant(number, *record)),
            BulkRecord::Order(record) => (RecordKind::Order, record.external_id.clone(), self.order(number, &record)),
            BulkRecord::OrderItem(record) => (RecordKind::OrderItem, record.external_id.clone(), self.order_item(number, &record)),
        };
        staged.map_err(|reason| {
            for (batch, mark) in self.batches.iter_mut().zip(marks) {
                batch.back_to(mark);
            }
            LineError { kind: Some(kind), external_id: Some(external_id), reason }
        })
    }

    /// Notes that a line is not taken.
    pub fn reject(&mut self, number: u64, error: &LineError) {
        let reason = error.reason.replace('\0', "\u{fffd}");
        let batch = &mut self.rejections;
        for cell in [
            Cell::Id(self.target.run.uuid()),
            Cell::Id(self.target.tenant.uuid()),
            Cell::Int(number as i64),
            Cell::Text(error.kind.map_or(NO_KIND, RecordKind::as_str)),
            Cell::from(error.external_id.as_deref()),
            Cell::Text(&reason),
        ] {
            batch.cell(cell);
        }
        batch.end_row();
    }

    fn row(&mut self, kind: RecordKind, line: u64, id: Uuid, external_id: &str, parent: Option<&str>) -> RowWriter<'_> {
        let shape = shape(kind);
        let batch = &mut self.batches[kind as usize];
        batch.cell(Cell::Id(self.target.run.uuid()));
        batch.cell(Cell::Id(self.target.tenant.uuid()));
        batch.cell(Cell::Int(line as i64));
        batch.cell(Cell::Id(id));
        batch.cell(Cell::Text(external_id));
        if let Some(parent) = parent {
            batch.cell(Cell::Text(parent));
        }
        RowWriter { batch, shape, column: 0, carried: 0, currency: self.target.currency }
    }

    /// Rows that came to be in the past sort there.
    fn id_of(&self, created_at: &Field<DateTime<Utc>>) -> Uuid {
        created_at.value().map_or_else(|| self.ids.next(), |at| Ids::at(*at))
    }

    fn customer(&mut self, line: u64, record: &CustomerRecord, own: i64) -> Row {
        let id = self.id_of(&record.created_at);
        let parts = [&record.first_name, &record.last_name, &record.email, &record.phone, &record.company];
        let complete = parts.iter().all(|part| part.is_carried());
        let search = search_text(&parts.map(text_of));
        let (key, tags) = (record.email.value().map(|email| fold(email)), json_list(&record.tags)?);
        let mut row = self.row(RecordKind::Customer, line, id, &record.external_id, None);
        row.carried = own;
        row.text("firstName", &record.first_name)?;
        row.text("lastName", &record.last_name)?;
        row.text("e-mail", &record.email)?;
        row.key("e-mail", &record.email, key.as_deref())?;
        for (name, field) in [
            ("phone", &record.phone),
            ("company", &record.company),
            ("city", &record.city),
            ("provinceCode", &record.province_code),
            ("countryCode", &record.country_code),
            ("address phone", &record.address_phone),
        ] {
            row.text(name, field)?;
        }
        row.flag(&record.accepts_email_marketing);
        row.at(&record.email_marketing_updated_at)?;
        row.flag(&record.accepts_sms_marketing);
        row.at(&record.sms_marketing_updated_at)?;
        row.money("amountSpent", &record.total_spent)?;
        row.cell(true, Cell::from(record.total_spent.value().map(|money| money.currency().code())));
        row.int(&record.total_orders);
        row.flag(&record.tax_exempt);
        row.json(record.tags.is_carried(), tags.as_deref());
        row.search(complete, &search)?;
        row.at(&record.created_at)?;
        row.at(&record.updated_at)?;
        row.end();
        Ok(())
    }

    fn product(&mut self, line: u64, record: &ProductRecord) -> Row {
        let id = self.id_of(&record.created_at);
        let title = Field::Value(record.title.clone());
        let parts = [&title, &record.handle, &record.vendor, &record.product_type];
        let (complete, search) = (parts.iter().all(|part| part.is_carried()), search_text(&parts.map(text_of)));
        let key = fold(&record.title);
        let mut row = self.row(RecordKind::Product, line, id, &record.external_id, None);
        row.text("title", &title)?;
        row.key("title", &title, Some(&key))?;
        row.text("handle", &record.handle)?;
        row.text("description", &record.description)?;
        row.text("category", &record.category)?;
        row.text("vendor", &record.vendor)?;
        row.text("productType", &record.product_type)?;
        row.int(&record.inventory_quantity);
        row.search(complete, &search)?;
        row.at(&record.created_at)?;
        row.at(&record.updated_at)?;
        row.end();
        Ok(())
    }

    fn product_variant(&mut self, line: u64, record: ProductVariantRecord) -> Row {
        let currency = self.target.currency;
        let id = self.id_of(&record.created_at);
        let price = decimal("price", &record.price, currency)?;
        let compare_at = record.compare_at_price.try_map(|text| decimal("compareAtPrice", &text, currency))?;
        let options = json_options(&record.options)?;
        let mut row = self.row(RecordKind::ProductVariant, line, id, &record.external_id, Some(&record.parent));
        row.text("title", &record.title)?;
        row.key("sku", &record.sku, record.sku.value().map(String::as_str))?;
        row.cell(true, Cell::Int(price.minor()));
        row.money("compareAtPrice", &compare_at)?;
        row.cell(true, Cell::Text(currency.code()));
        row.int(&record.inventory_quantity);
        row.json(record.options.is_carried(), options.as_deref());
        row.text("barcode", &record.barcode)?;
        row.int(&record.weight_thousandths);
        row.text("weight unit", &record.weight_unit)?;
        row.flag(&record.requires_shipping);
        row.flag(&record.taxable);
        row.at(&record.created_at)?;
        row.at(&record.updated_at)?;
        row.end();
        Ok(())
    }

    fn order(&mut self, line: u64, record: &OrderRecord) -> Row {
        if let Some(customer) = &record.embedded {
            self.embedded_customer(line, customer)?;
        }
        let number = Field::Value(record.number.clone());
        let (names, email) = match &record.embedded {
            Some(customer) => ([&customer.first_name, &customer.last_name, &customer.email], &record.email),
            None => ([&Field::Absent; 3], &record.email),
        };
        let nobody = record.customer == Field::Null;
        let complete = email.is_carried() && (nobody || names.iter().all(|name| name.is_carried()));
        let search = order_text([text_of(&number), text_of(email), text_of(names[0]), text_of(names[1]), text_of(names[2])]);
        let key = email.value().map(|email| fold(email));
        let mut row = self.row(RecordKind::Order, line, Ids::at(record.created_at), &record.external_id, None);
        row.text("customer", &record.customer)?;
        row.key("name", &number, Some(&record.number))?;
        row.text("e-mail", email)?;
        row.key("e-mail", email, key.as_deref())?;
        row.money("totalPriceSet", &Field::Value(record.total))?;
        row.money("subtotalPriceSet", &record.subtotal)?;
        row.money("totalTaxSet", &record.tax)?;
        row.cell(true, Cell::Text(record.total.currency().code()));
        row.cell(record.status.is_carried(), Cell::Text(record.status.value().unwrap_or(&OrderStatus::Open).as_str()));
        row.cell(record.financial_status.is_carried(), Cell::from(record.financial_status.value().map(|status| status.as_str())));
        row.cell(record.fulfillment_status.is_carried(), Cell::from(record.fulfillment_status.value().map(|status| status.as_str())));
        row.cell(record.test.is_carried(), Cell::Bool(record.test.value().copied().unwrap_or(false)));
        row.search(complete, &search)?;
        row.instant(record.processed_at.value().is_some(), record.processed_at.value().copied().unwrap_or(record.created_at))?;
        row.at(&record.cancelled_at)?;
        row.instant(true, record.created_at)?;
        row.instant(true, record.updated_at)?;
        row.end();
        Ok(())
    }

    /// A file names a customer with every order: what was staged a moment ago is not staged again.
    fn embedded_customer(&mut self, line: u64, customer: &CustomerRecord) -> Row {
        let mut hasher = DefaultHasher::new();
        customer.hash(&mut hasher);
        let now = hasher.finish();
        if self.seen_customers.get(&customer.external_id) == Some(&now) {
            return Ok(());
        }
        self.customer(line, customer, 0)?;
        if self.seen_customers.len() >= REMEMBERED_CUSTOMERS {
            self.seen_customers.clear();
        }
        self.seen_customers.insert(customer.external_id.clone(), now);
        Ok(())
    }

    fn order_item(&mut self, line: u64, record: &OrderItemRecord) -> Row {
        let currency = self.target.currency;
        let compare_at = record.compare_at_price.clone().try_map(|text| decimal("compareAtPrice", &text, currency))?;
        let options = json_options(&record.options)?;
        let title = Field::Value(record.title.clone());
        let mut row = self.row(RecordKind::OrderItem, line, self.ids.next(), &record.external_id, Some(&record.parent));
        row.text("product", &record.external_product_id)?;
        row.text("variant", &record.external_variant_id)?;
        row.cell(true, Cell::Int(record.position));
        row.text("title", &title)?;
        row.text("handle", &record.handle)?;
        row.text("vendor", &record.vendor)?;
        row.text("productType", &record.product_type)?;
        row.text("sku", &record.sku)?;
        row.text("variantTitle", &record.variant_title)?;
        row.money("originalUnitPriceSet", &Field::Value(record.price))?;
        row.money("compareAtPrice", &compare_at)?;
        row.cell(true, Cell::Int(record.quantity));
        row.money("discountedTotalSet", &Field::Value(record.total))?;
        row.cell(true, Cell::Text(record.price.currency().code()));
        row.json(record.options.is_carried(), options.as_deref());
        row.cell(record.requires_shipping.is_carried(), Cell::Bool(record.requires_shipping.value().copied().unwrap_or(true)));
        row.cell(record.taxable.is_carried(), Cell::Bool(record.taxable.value().copied().unwrap_or(true)));
        row.end();
        Ok(())
    }
}

/// Writes the cells of one row, in the order of the shape's columns, and notes which of them the line carried.
struct RowWriter<'a> {
    batch: &'a mut Batch,
    shape: &'static Shape,
    column: u32,
    carried: i64,
    currency: Currency,
}

impl RowWriter<'_> {
    fn cell(&mut self, carried: bool, cell: Cell<'_>) {
        if carried {
            self.carried |= 1 << self.column;
        }
        self.column += 1;
        self.batch.cell(cell);
    }

    fn text(&mut self, name: &str, field: &Field<String>) -> Row {
        let text = text_of(field);
        if text.is_some_and(|text| text.as_bytes().contains(&0)) {
            return Err(holds_nul(name));
        }
        self.cell(field.is_carried(), Cell::from(text));
        Ok(())
    }

    /// A text that indexes hold.
    fn key(&mut self, name: &str, field: &Field<String>, key: Option<&str>) -> Row {
        if key.is_some_and(|key| key.len() > LONGEST_KEY) {
            return Err(format!("{name} is too long (more than {LONGEST_KEY} bytes)"));
        }
        if key.is_some_and(|key| key.as_bytes().contains(&0)) {
            return Err(holds_nul(name));
        }
        self.cell(field.is_carried(), Cell::from(key));
        Ok(())
    }

    fn search(&mut self, complete: bool, search: &str) -> Row {
        if search.as_bytes().contains(&0) {
            return Err(holds_nul("text"));
        }
        self.cell(complete, Cell::Text(search));
        Ok(())
    }

    fn json(&mut self, carried: bool, text: Option<&str>) {
        self.cell(carried, text.map_or(Cell::Null, Cell::Json));
    }

    fn flag(&mut self, field: &Field<bool>) {
        self.cell(field.is_carried(), field.value().map_or(Cell::Null, |flag| Cell::Bool(*flag)));
    }

    fn int(&mut self, field: &Field<i64>) {
        self.cell(field.is_carried(), field.value().map_or(Cell::Null, |number| Cell::Int(*number)));
    }

    fn money(&mut self, name: &str, field: &Field<Money>) -> Row {
        if let Some(other) = field.value().map(|money| money.currency()).filter(|currency| *currency != self.currency) {
            return Err(format!("wrong currency: {name} is in {other}, the store in {}", self.currency));
        }
        self.cell(field.is_carried(), field.value().map_or(Cell::Null, |money| Cell::Int(money.minor())));
        Ok(())
    }

    fn at(&mut self, field: &Field<DateTime<Utc>>) -> Row {
        match field.value() {
            Some(at) => self.instant(true, *at),
            None => {
                self.cell(field.is_carried(), Cell::Null);
                Ok(())
            }
        }
    }

    fn instant(&mut self, carried: bool, at: DateTime<Utc>) -> Row {
        if !(1..=9999).contains(&at.year()) {
            return Err(format!("the date {at} is out of range"));
        }
        self.cell(carried, Cell::At(at));
        Ok(())
    }

    fn end(self) {
        debug_assert_eq!(self.column as usize, self.shape.columns.len(), "{}", self.shape.table);
        self.batch.cell(Cell::Int(self.carried));
        self.batch.end_row();
    }
}

fn holds_nul(name: &str) -> String {
    format!("{name} holds a NUL character (\\u0000), which cannot be stored")
}

fn text_of(field: &Field<String>) -> Option<&str> {
    field.value().map(String::as_str)
}

fn decimal(name: &str, text: &str, currency: Currency) -> Result<Money, String> {
    Money::parse(text, currency).map_err(|error| format!("{name}: {error}"))
}

fn json_list(tags: &Field<Vec<String>>) -> Result<Option<String>, String> {
    match tags.value() {
        Some(tags) if tags.iter().any(|tag| tag.contains('\0')) => Err(holds_nul("tags")),
        tags => json(tags),
    }
}

fn json_options(options: &Field<Vec<OptionValue>>) -> Result<Option<String>, String> {
    match options.value() {
        Some(options) if options.iter().any(|option| option.name.contains('\0') || option.value.contains('\0')) => Err(holds_nul("selectedOptions")),
        options => json(options),
    }
}

fn json<T: Serialize>(value: Option<&T>) -> Result<Option<String>, String> {
    value.map(serde_json::to_string).transpose().map_err(|error| error.to_string())
}
