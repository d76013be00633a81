//! A shop's budget of calls: alone it is never overspent, whatever overtakes what; with others about, half of it is left to them.

use std::time::Duration;

use integrations::ports::shop::{Begun, Budget, Cost, Pace, Told, Wait};
use proptest::prelude::*;
use tokio::time::Instant;

const MAXIMUM: u64 = 1_000;

/// The other side's bucket, in thousandths of a point.
struct Bucket {
    rate: u64,
    available: u64,
    at: Instant,
}

impl Bucket {
    fn settle(&mut self, now: Instant) {
        let millis = now.saturating_duration_since(self.at).as_millis() as u64;
        self.available = (self.available + self.rate * millis).min(MAXIMUM * 1_000);
        self.at = now;
    }

    /// Lets a call in or not.
    fn take(&mut self, points: u64, now: Instant) -> bool {
        self.settle(now);
        let enough = self.available >= points * 1_000;
        if enough {
            self.available -= points * 1_000;
        }
        enough
    }

    fn give_back(&mut self, points: u64, now: Instant) -> u64 {
        self.settle(now);
        self.available = (self.available + points * 1_000).min(MAXIMUM * 1_000);
        self.available / 1_000
    }
}

/// A call: what it asks for, what it takes, and how long each way and the work last, in milliseconds.
#[derive(Clone, Debug)]
struct Call {
    requested: u64,
    actual: u64,
    there: u64,
    work: u64,
    back: u64,
    /// When somebody wants to make it.
    after: u64,
}

fn call() -> impl Strategy<Value = Call> {
    (1..=MAXIMUM, 0.0..=1.0, 0..400u64, 0..800u64, 0..400u64, 0..1_500u64).prop_map(|(requested, part, there, work, back, after)| Call {
        requested,
        actual: (requested as f64 * part) as u64,
        there,
        work,
        back,
        after,
    })
}

#[derive(Debug)]
enum Event {
    Wanted(usize),
    Arrives(usize, Instant, Begun),
    Done(usize, Instant, Begun),
    Answered(usize, Instant, Begun, u64),
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn alone_it_is_never_overspent_and_every_call_comes_to_its_turn(calls in proptest::collection::vec(call(), 1..40), rate in prop::sample::select(vec![1u64, 50, 100, 1_000]), start in 0..=MAXIMUM) {
        let base = Instant::now();
        let mut bucket = Bucket { rate, available: start * 1_000, at: base };
        let mut budget = Budget::default();
        // The first call finds out how the bucket stands; it takes nothing.
        let begun = budget.begin(0);
        let first = Cost { requested: 0, actual: Some(0), maximum: MAXIMUM, available: start, restore_rate: rate };
        budget.end(begun, Some(&Told { cost: first, duration: Duration::ZERO }), base);

        let mut queue: Vec<(Instant, Event)> = Vec::new();
        let mut wanted = base;
        for (index, call) in calls.iter().enumerate() {
            wanted += Duration::from_millis(call.after);
            queue.push((wanted, Event::Wanted(index)));
        }
        let mut answered = 0;
        let mut steps = 0;
        while !queue.is_empty() {
            steps += 1;
            prop_assert!(steps < 200_000, "no end in sight");
            let next = queue.iter().enumerate().min_by_key(|(index, (at, _))| (*at, *index)).map(|(index, _)| index).unwrap();
            let (now, event) = queue.remove(next);
            let millis = Duration::from_millis;
            match event {
                Event::Wanted(index) => match budget.wait_for(calls[index].requested, now) {
                    Wait::Now => {
                        let begun = budget.begin(calls[index].requested);
                        queue.push((now + millis(calls[index].there), Event::Arrives(index, now, begun)));
                    }
                    Wait::For(time) => {
                        prop_assert!(time > Duration::ZERO);
                        queue.push((now + time, Event::Wanted(index)));
                    }
                    Wait::ForAnswer => queue.push((now + millis(7), Event::Wanted(index))),
                    Wait::Never => prop_assert!(false, "{} fit into {MAXIMUM}", calls[index].requested),
                },
                Event::Arrives(index, sent, begun) => {
                    prop_assert!(bucket.take(calls[index].requested, now), "throttled by our own fault");
                    queue.push((now + millis(calls[index].work), Event::Done(index, sent, begun)));
                }
                Event::Done(index, sent, begun) => {
                    let available = bucket.give_back(calls[index].requested - calls[index].actual, now);
                    queue.push((now + millis(calls[index].back), Event::Answered(index, sent, begun, available)));
                }
                Event::Answered(index, sent, begun, available) => {
                    let call = &calls[index];
                    let cost = Cost { requested: call.requested, actual: Some(call.actual), maximum: MAXIMUM, available, restore_rate: rate };
                    budget.end(begun, Some(&Told { cost, duration: now - sent }), now);
                    prop_assert!(!budget.is_crowded(now), "nobody else was there");
                    answered += 1;
                }
            }
        }
        prop_assert_eq!(answered, calls.len());
    }

    #[test]
    fn a_wait_is_as_long_as_it_must_be_and_no_longer(available in 0..=MAXIMUM, requested in 1..=MAXIMUM, rate in 1..=2_000u64) {
        let now = Instant::now();
        let budget = told(available, rate, now);
        match budget.wait_for(requested, now) {
            Wait::Now => prop_assert!(requested <= available),
            Wait::For(time) => {
                prop_assert!(requested > available);
                prop_assert_eq!(budget.wait_for(requested, now + time), Wait::Now);
                prop_assert!(budget.wait_for(requested, now + time - Duration::from_millis(1)) != Wait::Now);
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }
}

fn told(available: u64, rate: u64, now: Instant) -> Budget {
    let mut budget = Budget::default();
    let begun = budget.begin(1);
    let cost = Cost { requested: 1, actual: Some(1), maximum: MAXIMUM, available, restore_rate: rate };
    budget.end(begun, Some(&Told { cost, duration: Duration::ZERO }), now);
    budget
}

#[test]
fn what_is_not_known_is_found_out_by_one_call_at_a_time() {
    let (mut budget, now) = (Budget::default(), Instant::now());
    assert_eq!(budget.wait_for(500, now), Wait::Now);
    let begun = budget.begin(500);
    assert_eq!(budget.wait_for(1, now), Wait::ForAnswer);
    budget.end(begun, None, now);
    assert_eq!(budget.wait_for(500, now), Wait::Now);
}

#[test]
fn a_lost_answer_counts_as_spent() {
    let now = Instant::now();
    let mut budget = told(300, 100, now);
    let begun = budget.begin(200);
    budget.end(begun, None, now);
    assert_eq!(budget.wait_for(101, now), Wait::For(Duration::from_millis(10)));
    assert_eq!(budget.wait_for(MAXIMUM + 1, now), Wait::Never);
}

#[test]
fn while_others_spend_half_is_left_to_them_and_only_for_a_while() {
    let now = Instant::now();
    let mut budget = told(900, 100, now);
    let begun = budget.begin(10);
    let cost = Cost { requested: 10, actual: Some(10), maximum: MAXIMUM, available: 600, restore_rate: 100 };
    budget.end(begun, Some(&Told { cost, duration: Duration::from_millis(50) }), now + Duration::from_millis(50));
    let now = now + Duration::from_millis(50);
    assert!(budget.is_crowded(now));
    assert_eq!(budget.wait_for(100, now), Wait::Now);
    assert_eq!(budget.wait_for(101, now), Wait::For(Duration::from_millis(10)));
    assert_eq!(budget.wait_for(MAXIMUM, now), Wait::For(Duration::from_secs(4)), "the largest call is not kept waiting for more than there can be");
    assert!(!budget.is_crowded(now + Duration::from_secs(10)));
}

#[test]
fn a_call_that_is_not_let_in_tells_that_others_are_there() {
    let now = Instant::now();
    let mut budget = told(900, 100, now);
    let begun = budget.begin(800);
    let cost = Cost { requested: 800, actual: None, maximum: MAXIMUM, available: 20, restore_rate: 100 };
    budget.end(begun, Some(&Told { cost, duration: Duration::ZERO }), now);
    assert!(budget.is_crowded(now));
    assert_eq!(budget.wait_for(800, now), Wait::For(Duration::from_millis(9_800)));
}

#[tokio::test]
async fn callers_take_their_turns_and_learn_what_a_call_asks_for() {
    let pace = Pace::default();
    let tell = |requested: u64, available: u64| {
        let cost = Cost { requested, actual: Some(requested), maximum: MAXIMUM, available, restore_rate: 1_000 };
        Told { cost, duration: Duration::ZERO }
    };
    pace.turn("Page", 50).await.over(Some(&tell(400, 400)));
    let began = Instant::now();
    let waited = |from: u64, to: u64| {
        let waited = began.elapsed();
        assert!((Duration::from_millis(from)..Duration::from_millis(to)).contains(&waited), "{waited:?}");
    };
    pace.turn("Page", 50).await.over(Some(&tell(400, 0)));
    waited(0, 200);
    // What was spent must come back first.
    pace.turn("Page", 50).await.over(Some(&tell(400, 0)));
    waited(400, 700);
    // What a call of another size asks for is not known: it waits for as much as any may.
    let turn = pace.turn("Page", 100).await;
    waited(1_400, 1_900);
    // A caller who goes away has spent it all, as far as anybody can tell.
    drop(turn);
    pace.turn("Page", 50).await.over(None);
    waited(1_800, 2_600);
}
