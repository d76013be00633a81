//! The graph as clients use it: what a query costs, pages, filters, and selections of every shape.

mod filters;
mod paging;
mod shapes;
mod statements;
