//! Per kind: its table, its staging table, and how each column gets its value when a row is created and when it is updated.

use integrations::ports::commerce::RecordKind;

/// What becomes of a column when a row that is known is found in a file again.
#[derive(Clone, Copy)]
pub(crate) enum Rule {
    /// Every line carries it.
    Always,
    /// Stays as it is when the line does not carry it (the column's bit in `carried` tells).
    Keep,
    /// Stays as it is when the line has none; a new row gets this.
    Or(&'static str),
}

/// A column that is computed from other tables.
pub(crate) struct Derived {
    pub name: &'static str,
    pub insert: &'static str,
    /// None: stays what it was.
    pub update: Option<&'static str>,
    /// Whether a difference makes the row a changed one.
    pub compare: bool,
}

/// One kind of rows.
pub(crate) struct Shape {
    pub kind: RecordKind,
    pub table: &'static str,
    pub staged: &'static str,
    /// Whose rows its `parent_external_id` names.
    pub parent: Option<RecordKind>,
    pub columns: &'static [(&'static str, Rule)],
    pub derived: &'static [Derived],
    /// Joined to the staged row `s`.
    pub joins: &'static str,
    /// Joined as well when rows (`t`) are updated.
    pub update_joins: &'static str,
    /// Whether the staged row is not older than the row that it would update.
    pub fresh: &'static str,
    /// What must hold, too, of a staged row that creates one.
    pub fresh_insert: &'static str,
    /// Whether the table tells when Noren last wrote the row.
    pub synced: bool,
}

use Rule::{Always, Keep, Or};

/// Whether the shop told that a thing was deleted. A provider gives no id twice: then it is gone for good.
macro_rules! told_deleted {
    ($kind:literal, $external_id:literal) => {
        concat!(
            "exists (select 1 from deletions g where g.tenant_id = {tenant} and g.store_id = {store} and g.kind = '",
            $kind,
            "' and g.external_id = ",
            $external_id,
            ")"
        )
    };
}

/// What was not found any more comes back only when it was read after that, and what was told to be deleted never does; nor under
/// `$unless`.
macro_rules! deleted_at {
    ($kind:literal, $external_id:literal, $unless:literal) => {
        Derived {
            name: "deleted_at",
            insert: "null",
            update: Some(concat!(
                "case when t.deleted_at is null then null when {read_at} is null or t.deleted_at > {read_at} or ",
                $unless,
                told_deleted!($kind, $external_id),
                " then t.deleted_at end"
            )),
            compare: true,
        }
    };
}

/// Whether nothing was told later about the row `$row` that is dated alike: shop systems date changes by the second.
macro_rules! told_before {
    ($row:literal) => {
        concat!("({read_at} is null or ", $row, ".told_at is null or ", $row, ".told_at <= {read_at})")
    };
}

/// What was told before it was read is older than what was read.
const TOLD_AT: Derived = Derived { name: "told_at", insert: "{read_at}", update: Some("coalesce({read_at}, t.told_at)"), compare: false };

const FALSE: Rule = Or("false");
const TRUE: Rule = Or("true");
const ZERO: Rule = Or("0");
const EMPTY: Rule = Or("'[]'");

/// The staged column that counts as this line's own word on search text: its bit is set when every part of it was carried.
pub(crate) const SEARCH: &str = "search_text";

pub(crate) static CUSTOMERS: Shape = Shape {
    kind: RecordKind::Customer,
    table: "customers",
    staged: "staged_customers",
    parent: None,
    columns: &[
        ("first_name", Keep),
        ("last_name", Keep),
        ("email", Keep),
        ("email_key", Keep),
        ("phone", Keep),
        ("company", Keep),
        ("city", Keep),
        ("province_code", Keep),
        ("country_code", Keep),
        ("address_phone", Keep),
        ("accepts_email_marketing", FALSE),
        ("email_marketing_updated_at", Keep),
        ("accepts_sms_marketing", FALSE),
        ("sms_marketing_updated_at", Keep),
        ("total_spent_minor", ZERO),
        ("currency_code", Or("{currency}")),
        ("total_orders", ZERO),
        ("tax_exempt", FALSE),
        ("tags", EMPTY),
        (SEARCH, Keep),
        // A customer known from orders alone is as old as the first of them.
        ("created_at", Or("coalesce({first_order}, {now})")),
        ("updated_at", Or("coalesce(s.created_at, {first_order}, {now})")),
    ],
    derived: &[
        Derived { name: "is_active", insert: "true", update: None, compare: false },
        // What an order says of its customer is not all: the bit tells a line of the customer's own (`OWN_LINE`).
        Derived {
            name: "told_at",
            insert: "case when (s.carried & 1099511627776) <> 0 then {read_at} end",
            update: Some("case when (s.carried & 1099511627776) <> 0 then coalesce({read_at}, t.told_at) else t.told_at end"),
            compare: false,
        },
        // An order brings no deleted customer back.
        deleted_at!("CUSTOMER", "t.external_id", "(s.carried & 1099511627776) = 0 or "),
    ],
    joins: "{first_order_join}",
    update_joins: "",
    // One that is known from orders alone is as old as the first of them, which may be younger than the customer's own last change.
    fresh: concat!(
        "(coalesce(s.updated_at, {as_of}) is null or t.updated_at < coalesce(s.updated_at, {as_of})
          or (t.updated_at = coalesce(s.updated_at, {as_of}) and ",
        told_before!("t"),
        ") or (s.updated_at < t.updated_at and t.updated_at = t.created_at))"
    ),
    fresh_insert: concat!(" and not ", told_deleted!("CUSTOMER", "s.external_id")),
    synced: true,
};

pub(crate) static PRODUCTS: Shape = Shape {
    kind: RecordKind::Product,
    table: "products",
    staged: "staged_products",
    parent: None,
    columns: &[
        ("title", Always),
        ("title_key", Always),
        ("handle", Keep),
        ("description", Keep),
        ("category", Keep),
        ("vendor", Keep),
        ("product_type", Keep),
        ("inventory_quantity", ZERO),
        (SEARCH, Keep),
        ("created_at", Or("{now}")),
        ("updated_at", Or("coalesce(s.created_at, {now})")),
    ],
    derived: &[TOLD_AT, deleted_at!("PRODUCT", "t.external_id", "")],
    joins: "",
    update_joins: "",
    fresh: concat!("(s.updated_at is null or t.updated_at < s.updated_at or (t.updated_at = s.updated_at and ", told_before!("t"), "))"),
    fresh_insert: concat!(" and not ", told_deleted!("PRODUCT", "s.external_id")),
    synced: true,
};

pub(crate) static PRODUCT_VARIANTS: Shape = Shape {
    kind: RecordKind::ProductVariant,
    table: "product_variants",
    staged: "staged_product_variants",
    parent: Some(RecordKind::Product),
    columns: &[
        ("title", Keep),
        ("sku", Keep),
        ("price_minor", Always),
        ("compare_at_price_minor", Keep),
        ("currency_code", Always),
        ("inventory_quantity", ZERO),
        ("options", EMPTY),
        ("barcode", Keep),
        ("weight_thousandths", Keep),
        ("weight_unit", Keep),
        ("requires_shipping", TRUE),
        ("taxable", TRUE),
        ("created_at", Or("p.created_at")),
        ("updated_at", Or("p.updated_at")),
    ],
    derived: &[Derived { name: "product_id", insert: "p.id", update: Some("p.id"), compare: true }, deleted_at!("PRODUCT", "s.parent_external_id", "")],
    joins: "join products p on p.tenant_id = {tenant} and p.store_id = {store} and p.external_id = s.parent_external_id",
    update_joins: "join staged_products sp on sp.run_id = {run} and sp.external_id = s.parent_external_id",
    fresh: concat!(
        "(coalesce(s.updated_at, sp.updated_at) is null or t.updated_at < coalesce(s.updated_at, sp.updated_at)
          or (t.updated_at = coalesce(s.updated_at, sp.updated_at) and ",
        told_before!("p"),
        "))"
    ),
    // What an older telling of the product had may be gone by now.
    fresh_insert: concat!(
        " and exists (select 1 from staged_products sp where sp.run_id = {run} and sp.external_id = s.parent_external_id
             and (sp.updated_at is null or p.updated_at < sp.updated_at or (p.updated_at = sp.updated_at and ",
        told_before!("p"),
        "))) and (p.deleted_at is null or (p.deleted_at <= {read_at} and not ",
        told_deleted!("PRODUCT", "s.parent_external_id"),
        "))"
    ),
    synced: true,
};

pub(crate) static ORDERS: Shape = Shape {
    kind: RecordKind::Order,
    table: "orders",
    staged: "staged_orders",
    parent: None,
    columns: &[
        ("external_customer_id", Keep),
        ("number", Always),
        ("email", Keep),
        ("email_key", Keep),
        ("total_price_minor", Always),
        ("subtotal_price_minor", Keep),
        ("tax_price_minor", Keep),
        ("currency_code", Always),
        ("status", Keep),
        ("financial_status", Keep),
        ("fulfillment_status", Keep),
        ("test", Keep),
        (SEARCH, Keep),
        ("processed_at", Keep),
        ("cancelled_at", Keep),
        ("created_at", Always),
        ("updated_at", Always),
    ],
    derived: &[
        Derived {
            name: "customer_id",
            insert: "c.id",
            // The bit of external_customer_id, the first column.
            update: Some("case when (s.carried & 1) <> 0 then c.id else t.customer_id end"),
            compare: true,
        },
        TOLD_AT,
        deleted_at!("ORDER", "t.external_id", ""),
    ],
    joins: "left join customers c on c.tenant_id = {tenant} and c.store_id = {store} and c.external_id = s.external_customer_id",
    update_joins: "",
    fresh: concat!("(t.updated_at < s.updated_at or (t.updated_at = s.updated_at and ", told_before!("t"), "))"),
    fresh_insert: concat!(" and not ", told_deleted!("ORDER", "s.external_id")),
    synced: true,
};

pub(crate) static ORDER_ITEMS: Shape = Shape {
    kind: RecordKind::OrderItem,
    table: "order_items",
    staged: "staged_order_items",
    parent: Some(RecordKind::Order),
    columns: &[
        ("external_product_id", Keep),
        ("external_variant_id", Keep),
        ("position", Always),
        ("product_title", Always),
        ("product_handle", Keep),
        ("product_vendor", Keep),
        ("product_type", Keep),
        ("sku", Keep),
        ("variant_title", Keep),
        ("price_minor", Always),
        ("compare_at_price_minor", Keep),
        ("quantity", Always),
        ("total_price_minor", Always),
        ("currency_code", Always),
        ("options", EMPTY),
        ("requires_shipping", Keep),
        ("taxable", Keep),
    ],
    derived: &[
        Derived { name: "order_id", insert: "o.id", update: Some("o.id"), compare: true },
        Derived { name: "created_at", insert: "o.created_at", update: None, compare: false },
        Derived { name: "updated_at", insert: "o.updated_at", update: Some("o.updated_at"), compare: false },
        deleted_at!("ORDER", "s.parent_external_id", ""),
    ],
    joins: "join orders o on o.tenant_id = {tenant} and o.store_id = {store} and o.external_id = s.parent_external_id",
    update_joins: "join staged_orders so on so.run_id = {run} and so.external_id = s.parent_external_id",
    // Items have no date of their own: they are as fresh as their order.
    fresh: concat!("(o.updated_at < so.updated_at or (o.updated_at = so.updated_at and ", told_before!("o"), "))"),
    fresh_insert: concat!(" and (o.deleted_at is null or (o.deleted_at <= {read_at} and not ", told_deleted!("ORDER", "s.parent_external_id"), "))"),
    synced: false,
};

/// Earlier orders find the customer that they knew by the provider's id alone.
pub(crate) const LINK_ORDERS: &str = "update orders as t set customer_id = c.id, synced_at = {now} from customers c
    where t.tenant_id = {tenant} and t.store_id = {store} and t.customer_id is null and t.external_customer_id is not null
      and c.tenant_id = {tenant} and c.store_id = {store} and c.external_id = t.external_customer_id";

/// The kind whose rows hang from those of another, and their column that refers to it.
pub(crate) fn children_of(kind: RecordKind) -> Option<(&'static Shape, &'static str)> {
    match kind {
        RecordKind::Product => Some((&PRODUCT_VARIANTS, "product_id")),
        RecordKind::Order => Some((&ORDER_ITEMS, "order_id")),
        RecordKind::Customer | RecordKind::ProductVariant | RecordKind::OrderItem => None,
    }
}

/// Children that a parent, told whole and as fresh as what is known, has no more.
pub(crate) fn vanished(parent: &Shape) -> Option<String> {
    let (child, column) = children_of(parent.kind)?;
    Some(format!(
        "update {table} as t set deleted_at = {{read_at}} where t.tenant_id = {{tenant}} and t.store_id = {{store}} and t.deleted_at is null
           and t.{column} in (select p.id from {staged_parent} s join {parent} p on p.tenant_id = {{tenant}} and p.store_id = {{store}}
             and p.external_id = s.external_id and p.updated_at = s.updated_at where s.run_id = {{run}} and (p.told_at is null or p.told_at <= {{read_at}}))
           and not exists (select 1 from {staged} c where c.run_id = {{run}} and c.external_id = t.external_id)",
        table = child.table,
        staged_parent = parent.staged,
        parent = parent.table,
        staged = child.staged,
    ))
}

/// Every kind, parents before their children.
pub(crate) static SHAPES: [&Shape; 5] = [&CUSTOMERS, &PRODUCTS, &PRODUCT_VARIANTS, &ORDERS, &ORDER_ITEMS];

/// The table of the lines that are not taken.
pub(crate) const REJECTIONS: &str = "staged_rejections";

pub(crate) fn shape(kind: RecordKind) -> &'static Shape {
    match kind {
        RecordKind::Customer => &CUSTOMERS,
        RecordKind::Product => &PRODUCTS,
        RecordKind::ProductVariant => &PRODUCT_VARIANTS,
        RecordKind::Order => &ORDERS,
        RecordKind::OrderItem => &ORDER_ITEMS,
    }
}

impl Shape {
    /// The bit in `carried` of a column.
    pub fn bit(&self, column: &str) -> i64 {
        self.columns.iter().position(|(name, _)| *name == column).map_or(0, |index| 1 << index)
    }

    /// The columns of the staging table, in the order in which rows are written.
    pub fn staged_columns(&self) -> Vec<&'static str> {
        let mut columns = vec!["run_id", "tenant_id", "line", "id", "external_id"];
        if self.parent.is_some() {
            columns.push("parent_external_id");
        }
        columns.extend(self.columns.iter().map(|(name, _)| *name));
        columns.push("carried");
        columns
    }

    /// What a new row gets.
    fn insert_expression(&self, name: &str, rule: Rule) -> String {
        match rule {
            Always | Keep => format!("s.{name}"),
            Or(default) => format!("coalesce(s.{name}, {default})"),
        }
    }

    /// What a known row gets.
    fn update_expression(&self, name: &str, rule: Rule) -> String {
        match rule {
            Always => format!("s.{name}"),
            Keep => format!("case when (s.carried & {}) <> 0 then s.{name} else t.{name} end", self.bit(name)),
            Or(_) => format!("coalesce(s.{name}, t.{name})"),
        }
    }

    fn is_same(&self) -> String {
        "t.tenant_id = {tenant} and t.store_id = {store} and t.external_id = s.external_id".to_owned()
    }

    /// Creates the rows that are not there yet; `slice` limits the staged rows, `known` the rows `t` among which they are looked for.
    pub fn insert(&self, slice: &str, known: &str) -> String {
        let mut names = vec!["id".to_owned(), "tenant_id".to_owned(), "store_id".to_owned(), "external_id".to_owned()];
        let mut values = vec!["s.id".to_owned(), "{tenant}".to_owned(), "{store}".to_owned(), "s.external_id".to_owned()];
        for (name, rule) in self.columns {
            names.push((*name).to_owned());
            values.push(self.insert_expression(name, *rule));
        }
        for derived in self.derived {
            names.push(derived.name.to_owned());
            values.push(derived.insert.to_owned());
        }
        if self.synced {
            names.push("synced_at".to_owned());
            values.push("{now}".to_owned());
        }
        names.push("pending_import_id".to_owned());
        values.push("{pending}".to_owned());
        format!(
            "insert into {table} ({names}) select {values} from {staged} s {joins} where s.run_id = {{run}}{slice} \
             and not exists (select 1 from {table} t where {same}{known}){fresh}",
            table = self.table,
            fresh = self.fresh_insert,
            names = names.join(", "),
            values = values.join(", "),
            staged = self.staged,
            joins = self.joins,
            same = self.is_same(),
        )
    }

    /// The condition under which a staged row changes the row that it is about, and the values that it would get.
    fn difference(&self) -> (Vec<(String, String)>, String) {
        let mut set: Vec<(String, String)> = Vec::new();
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for (name, rule) in self.columns {
            set.push(((*name).to_owned(), self.update_expression(name, *rule)));
            old.push(format!("t.{name}"));
            new.push(self.update_expression(name, *rule));
        }
        for derived in self.derived {
            if let Some(update) = derived.update {
                set.push((derived.name.to_owned(), update.to_owned()));
                if derived.compare {
                    old.push(format!("t.{}", derived.name));
                    new.push(update.to_owned());
                }
            }
        }
        if self.synced {
            set.push(("synced_at".to_owned(), "{now}".to_owned()));
        }
        let differs = format!("{} and {} and ({}) is distinct from ({})", self.is_same(), self.fresh, old.join(", "), new.join(", "));
        (set, differs)
    }

    /// Updates the rows that differ and are not newer; `slice` limits the staged rows.
    pub fn update(&self, slice: &str) -> String {
        let (set, differs) = self.difference();
        let set: Vec<String> = set.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        format!(
            "update {} as t set {} from {} s {} {} where s.run_id = {{run}}{slice} and {differs}",
            self.table,
            set.join(", "),
            self.staged,
            self.joins_for_update(),
            self.update_joins
        )
    }

    /// The lines that [`update`](Self::update) would apply.
    pub fn changed_lines(&self, slice: &str) -> String {
        let (_, differs) = self.difference();
        format!(
            "select s.line from {} s join {} t on t.tenant_id = {{tenant}} and t.store_id = {{store}} and t.external_id = s.external_id {} {} where s.run_id = {{run}}{slice} and {differs}",
            self.staged,
            self.table,
            self.joins_for_update(),
            self.update_joins
        )
    }

    /// The first order of a customer is asked for only when a customer is created.
    fn joins_for_update(&self) -> &'static str {
        if self.kind == RecordKind::Customer { "" } else { self.joins }
    }
}
