//! How every room is read: by id, by page, for many parents at once; always with a permit, always in the caller's snapshot.

use std::collections::HashMap;
use std::marker::PhantomData;

use crate::callers::Action;
use crate::db::{Cursor, ExternalRef, List, Page, PageRequest, Parent, SortKind, SortValue, TenantRow, Tx};
use crate::{DbErr, Denied, OpCtx, Permit};
use sea_orm::sea_query::SimpleExpr;
use uuid::Uuid;

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] DbErr),
}

/// What a list can be sorted by; each backed by an index.
pub trait SortKey<T>: Copy + Send + Sync {
    /// The column.
    fn column(self) -> &'static str;

    /// What kind of value it is.
    fn kind(self) -> SortKind {
        // Columns tell their kind by their name, as the migrations give it.
        match self.column() {
            name if name.ends_with("_at") => SortKind::At,
            name if name.ends_with("_key") => SortKind::Text,
            _ => SortKind::Int,
        }
    }

    /// The row's place in this order.
    fn value(self, row: &T) -> SortValue;
}

/// A row that rooms list.
pub trait Listed: TenantRow {
    /// The right to read it.
    type Read: Action;
    /// What a list of it can be filtered by.
    type Filter: Default + Send + Sync;
    /// What a list of it can be sorted by.
    type Sort: SortKey<Self>;
    /// Whether a platform administrator may list it over all tenants.
    const ACROSS_TENANTS: bool;

    /// The filter's conditions.
    fn conditions(filter: &Self::Filter) -> Vec<SimpleExpr>;
}

/// The place of a row in a sorted list.
pub fn cursor_of<T: Listed>(sort: T::Sort, row: &T) -> Cursor {
    Cursor::new(sort.column(), sort.value(row), row.id())
}

/// The reading face of a room.
#[derive(Debug)]
pub struct Reading<T>(PhantomData<fn() -> T>);

impl<T> Clone for Reading<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Reading<T> {}

impl<T> Default for Reading<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T: Listed> Reading<T> {
    /// A permit that holds for lists and lookups by id, which are of one tenant unless the row says otherwise.
    fn permit(ctx: &OpCtx) -> Result<Permit<T::Read>, Denied> {
        let permit = ctx.authorize::<T::Read>()?;
        if !T::ACROSS_TENANTS {
            permit.one_tenant()?;
        }
        Ok(permit)
    }

    fn list<'a>(tx: &'a Tx, permit: &'a Permit<T::Read>, filter: &T::Filter) -> List<'a, T, T::Read> {
        T::conditions(filter).into_iter().fold(List::new(tx, permit), List::filter)
    }

    /// The rows with these ids that the caller may see.
    pub async fn load_many(self, ctx: &OpCtx, ids: &[Uuid]) -> Result<Vec<T>, ReadError> {
        let permit = Self::permit(ctx)?;
        Ok(List::new(&*ctx.reader().await?, &permit).by_ids(ids).await?)
    }

    /// One page of a list.
    pub async fn page(self, ctx: &OpCtx, filter: &T::Filter, sort: T::Sort, request: &PageRequest) -> Result<Page<T>, ReadError> {
        let permit = Self::permit(ctx)?;
        Ok(Self::list(&*ctx.reader().await?, &permit, filter).page(request, sort.column()).await?)
    }

    /// How long a list is.
    pub async fn count(self, ctx: &OpCtx, filter: &T::Filter) -> Result<u64, ReadError> {
        let permit = Self::permit(ctx)?;
        Ok(Self::list(&*ctx.reader().await?, &permit, filter).count().await?)
    }

    /// What other rows refer to, by id.
    pub async fn referred(self, ctx: &OpCtx, refs: &[Parent]) -> Result<HashMap<Uuid, T>, ReadError> {
        let permit = ctx.authorize::<T::Read>()?;
        Ok(List::new(&*ctx.reader().await?, &permit).referred(refs).await?)
    }

    /// What other rows refer to, by the provider's id.
    pub async fn by_external(self, ctx: &OpCtx, refs: &[ExternalRef]) -> Result<HashMap<(entities::StoreId, String), T>, ReadError> {
        let permit = ctx.authorize::<T::Read>()?;
        Ok(List::new(&*ctx.reader().await?, &permit).by_external(refs).await?)
    }

    /// One page for each parent; `parent` is the column that refers to it.
    pub async fn pages_of(
        self,
        ctx: &OpCtx,
        of: &[Parent],
        parent: &'static str,
        filter: &T::Filter,
        sort: T::Sort,
        request: &PageRequest,
    ) -> Result<HashMap<Uuid, Page<T>>, ReadError> {
        let permit = ctx.authorize::<T::Read>()?;
        Ok(Self::list(&*ctx.reader().await?, &permit, filter).pages_of(of, parent, request, sort.column()).await?)
    }

    /// How many each parent has.
    pub async fn counts_of(self, ctx: &OpCtx, of: &[Parent], parent: &'static str, filter: &T::Filter) -> Result<HashMap<Uuid, u64>, ReadError> {
        let permit = ctx.authorize::<T::Read>()?;
        Ok(Self::list(&*ctx.reader().await?, &permit, filter).counts_of(of, parent).await?)
    }
}
