//! How many operations of each class a caller may send a minute (seed 002).

use super::Rate;

/// A class of operations that has a limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperationClass {
    /// Every operation.
    All,
    /// Buying credits.
    Purchases,
    /// Spending credits.
    CreditUse,
    /// Reading analytics.
    Analytics,
}

impl OperationClass {
    /// Its name in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "ALL",
            Self::Purchases => "PURCHASES",
            Self::CreditUse => "CREDIT_USE",
            Self::Analytics => "ANALYTICS",
        }
    }
}

/// Root fields of a class beyond [`OperationClass::All`]. A root field that buys, spends credits or reads analytics gets its line
/// here, as in `("creditPurchaseCreate", OperationClass::Purchases)`; each time that an operation names it counts.
pub const OPERATION_CLASSES: &[(&str, OperationClass)] = &[];

/// The limits of each class.
#[derive(Clone, Copy, Debug)]
pub struct OperationLimits {
    all: u64,
}

impl OperationLimits {
    /// Limits with `all` operations a minute; none when nobody is limited.
    pub fn new(all: u64) -> Option<Self> {
        (all > 0).then_some(Self { all })
    }

    /// The rate of a class: a minute's worth at once, and as many a minute after that.
    pub const fn of(&self, class: OperationClass) -> Rate {
        let minute = match class {
            OperationClass::All => self.all,
            OperationClass::Purchases => 10,
            OperationClass::CreditUse => 100,
            OperationClass::Analytics => 50,
        };
        Rate { capacity: minute, per_minute: minute }
    }

    /// What an operation with these root fields counts for.
    pub fn counts<'a>(root_fields: impl Iterator<Item = &'a str>) -> Vec<(OperationClass, u64)> {
        counts_in(OPERATION_CLASSES, root_fields)
    }
}

fn counts_in<'a>(classes: &[(&str, OperationClass)], root_fields: impl Iterator<Item = &'a str>) -> Vec<(OperationClass, u64)> {
    let mut counts = vec![(OperationClass::All, 1)];
    if classes.is_empty() {
        return counts;
    }
    for field in root_fields {
        let Some((_, class)) = classes.iter().find(|(name, _)| *name == field) else { continue };
        match counts.iter_mut().find(|(known, _)| known == class) {
            Some((_, count)) => *count += 1,
            None => counts.push((*class, 1)),
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_counts_each_time_that_an_operation_names_it() {
        let classes = [("buy", OperationClass::Purchases), ("sales", OperationClass::Analytics), ("visits", OperationClass::Analytics)];
        let counts = |fields: &[&'static str]| counts_in(&classes, fields.iter().copied());
        assert_eq!(counts(&["orders"]), [(OperationClass::All, 1)]);
        let several = [(OperationClass::All, 1), (OperationClass::Analytics, 2), (OperationClass::Purchases, 1)];
        assert_eq!(counts(&["sales", "buy", "visits", "orders"]), several);
        assert_eq!(OperationLimits { all: 1_000 }.of(OperationClass::CreditUse), Rate { capacity: 100, per_minute: 100 });
    }
}
