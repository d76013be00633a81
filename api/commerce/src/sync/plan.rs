//! How a full run is cut: by time, so that no export is larger than what is brought in at once.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use entities::SyncPhase;
use integrations::ports::shop::{Counted, DataKind, Instants, Range};

use super::service::{ORDERS_OUT_OF_REACH, out_of_reach};
use super::slice::{self, NewSlice, Stage};
use super::step::{Step, Trouble};

/// As many ranges as are counted in one call.
const AT_ONCE: usize = 7;
/// What falls into so short a time stays together.
const SHORTEST: TimeDelta = TimeDelta::hours(1);
/// Nothing is older: no shop system of today was there.
const EARLIEST: &str = "2004-01-01T00:00:00Z";

/// Where a shop shows no orders that are older than so many days: room for the time that work on them takes.
const ROOM: TimeDelta = TimeDelta::days(1);

/// A stretch of time, and how much the shop counts in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    count: u64,
}

impl Step {
    /// Asks what the merchant grants now. What was stored may have changed since, in the middle of a run too.
    pub(super) async fn look_at_scopes(&mut self) -> Result<(), Trouble> {
        self.shop.scopes = self.shop.system.granted_scopes(&self.shop.access).await?;
        Ok(())
    }

    /// From when on orders can be seen at this moment, when not all that are asked for can.
    pub(super) fn reach(&self, from: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        let limit = self.shop.system.reach(DataKind::Orders, &self.shop.scopes);
        from.max(limit.and_then(|reach| (self.now() - TimeDelta::days(reach.days.into()) + ROOM).duration_trunc(TimeDelta::seconds(1)).ok()))
    }

    /// What is to be known beside, with a word on orders that are out of reach when some are.
    pub(super) fn warnings(&self) -> serde_json::Value {
        let limit = self.shop.system.reach(DataKind::Orders, &self.shop.scopes).filter(|_| self.reach(self.run.range_from) != self.run.range_from);
        let told = self.run.warnings.as_array().into_iter().flatten();
        let others = told.filter(|warning| warning["code"] != ORDERS_OUT_OF_REACH).cloned();
        others.chain(limit.map(out_of_reach)).collect()
    }

    /// What of a kind the run is about.
    pub(super) fn range_of(&self, kind: DataKind) -> Range {
        let whole = Range { archived: self.run.archived, ..Range::ALL };
        match kind {
            DataKind::Orders => Range { from: self.reach(self.run.range_from), until: self.run.range_until, ..whole },
            DataKind::Customers | DataKind::Products => whole,
        }
    }

    /// Cuts the run into slices, unless it is cut already.
    pub(super) async fn plan(&mut self) -> Result<(), Trouble> {
        self.enter(SyncPhase::Planning).await?;
        self.look_at_scopes().await?;
        let mut slices = Vec::new();
        for kind in DataKind::ALL {
            let range = self.range_of(kind);
            let pieces = self.cut(kind, range).await?;
            let last = pieces.len().saturating_sub(1);
            slices.extend(pieces.iter().enumerate().map(|(index, piece)| NewSlice {
                stage: Stage::Export,
                kind,
                from: if index == 0 { range.from } else { Some(piece.from) },
                until: if index == last { range.until } else { Some(piece.until) },
                roots: piece.count,
            }));
        }
        let asked: u64 = slices.iter().map(|slice| slice.roots).sum();
        for kind in DataKind::ALL {
            let Range { from, until, .. } = self.range_of(kind);
            slices.push(NewSlice { stage: Stage::Compare, kind, from, until, roots: 0 });
        }
        let tx = self.write().await?;
        slice::insert(&tx, self.at, &slices, &self.ids(), self.now()).await?;
        let values = vec![i64::try_from(asked).unwrap_or(i64::MAX).into(), self.warnings().into()];
        self.run = self.progress(tx, "asked = $4, warnings = $5", values, true).await?;
        Ok(())
    }

    async fn count(&self, kind: DataKind, range: Range, pieces: &[Piece]) -> Result<Vec<Counted>, Trouble> {
        let ranges: Vec<Range> =
            pieces.iter().map(|piece| Range { by: Instants::Created, from: Some(piece.from), until: Some(piece.until), ..range }).collect();
        Ok(self.shop.system.counts(&self.shop.access, kind, &ranges).await?)
    }

    async fn cut(&self, kind: DataKind, range: Range) -> Result<Vec<Piece>, Trouble> {
        let begin = range.from.unwrap_or_else(|| EARLIEST.parse().unwrap_or_default());
        let end = range.until.unwrap_or_else(|| self.now()).max(begin + TimeDelta::seconds(1));
        let counted = self.shop.system.counts(&self.shop.access, kind, &[range]).await?;
        let whole = Piece { from: begin, until: end, count: counted.first().map_or(0, |counted| counted.count) };
        if counted.iter().all(|counted| counted.exact && counted.count <= self.limits.slice) {
            return Ok(vec![whole]);
        }
        let (mut open, mut done) = (parts(whole), Vec::new());
        while !open.is_empty() {
            let some: Vec<Piece> = open.split_off(open.len().saturating_sub(AT_ONCE));
            for (piece, counted) in some.iter().zip(self.count(kind, range, &some).await?) {
                let piece = Piece { count: counted.count, ..*piece };
                let small = counted.exact && counted.count <= self.limits.slice;
                if small || piece.until - piece.from <= SHORTEST { done.push(piece) } else { open.extend(parts(piece)) }
            }
        }
        Ok(joined(done, self.limits.slice))
    }
}

/// A stretch in as many parts as are counted together, at whole seconds.
fn parts(piece: Piece) -> Vec<Piece> {
    let seconds = (piece.until - piece.from).num_seconds();
    let number = i64::try_from(AT_ONCE).unwrap_or(1).min(seconds.max(1));
    let at = |index: i64| if index == number { piece.until } else { piece.from + TimeDelta::seconds(seconds * index / number) };
    (0..number).map(|index| Piece { from: at(index), until: at(index + 1), count: 0 }).collect()
}

/// Neighbours that are small enough together.
fn joined(mut pieces: Vec<Piece>, most: u64) -> Vec<Piece> {
    pieces.sort_unstable_by_key(|piece| piece.from);
    let mut joined: Vec<Piece> = Vec::new();
    for piece in pieces {
        match joined.last_mut().filter(|last| last.count + piece.count <= most) {
            Some(last) => *last = Piece { from: last.from, until: piece.until, count: last.count + piece.count },
            None => joined.push(piece),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn parts_leave_nothing_out_and_share_nothing() {
        let whole = Piece { from: at("2026-01-01T00:00:00Z"), until: at("2026-01-08T00:00:05Z"), count: 0 };
        let cut = parts(whole);
        assert_eq!((cut[0].from, cut[6].until, cut.len()), (whole.from, whole.until, 7));
        assert!(cut.windows(2).all(|pair| pair[0].until == pair[1].from && pair[0].from < pair[0].until));
        assert_eq!(joined(cut, 0), vec![whole]);
    }

    #[test]
    fn small_neighbours_are_one_slice() {
        let day = |day: u32, count| Piece { from: at(&format!("2026-01-0{day}T00:00:00Z")), until: at(&format!("2026-01-0{}T00:00:00Z", day + 1)), count };
        let counts: Vec<u64> = joined(vec![day(3, 90), day(1, 40), day(2, 60), day(4, 20)], 100).iter().map(|piece| piece.count).collect();
        assert_eq!(counts, [100, 90, 20]);
    }
}
