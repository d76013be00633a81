//! Products and their variants.

mod list;
mod row;

pub use list::{ProductFilter, ProductSort, ProductVariantSort};
pub use row::{ProductRow, ProductVariantRow};

use platform::reading::Reading;

/// The face of products.
pub type Products = Reading<ProductRow>;
/// The face of product variants.
pub type ProductVariants = Reading<ProductVariantRow>;
