//! A shop in which this and that happens: customers come, change and go, so do products and orders, money is given back.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tests::harness::shopify::{Kind, Shop, customer, order, product};

use crate::world::{changed, text};

/// Numbers that nobody would guess, the same for the same seed.
pub struct Dice(u64);

impl Dice {
    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for place in (1..all.len()).rev() {
            let other = self.below(place as u64 + 1) as usize;
            all.swap(place, other);
        }
    }
}

/// What happens, and when.
pub struct Story {
    pub dice: Dice,
    now: DateTime<Utc>,
    last: u64,
}

impl Story {
    pub fn beginning(seed: u64, now: DateTime<Utc>) -> Self {
        Self { dice: Dice::of(seed), now, last: 9_000 }
    }

    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// One of those that are there.
    fn one(&mut self, shop: &Shop, kind: Kind) -> Option<(u64, Value)> {
        let all: Vec<_> = shop.things(kind).into_iter().collect();
        if all.is_empty() { None } else { Some(all[self.dice.below(all.len() as u64) as usize].clone()) }
    }

    /// So many things happen. Some fall into the same second.
    pub fn goes_on(&mut self, shop: &mut Shop, times: usize) {
        for _ in 0..times {
            self.now += TimeDelta::seconds(self.dice.below(3) as i64);
            match self.dice.below(19) {
                0 | 1 => {
                    let number = self.number();
                    shop.put(Kind::Customer, &customer(number, self.now, self.now));
                }
                2 | 3 => self.changes_customer(shop),
                4 => self.removes_customer(shop),
                5 | 6 => {
                    let (number, variants) = (self.number(), self.dice.below(4) + 1);
                    shop.put(Kind::Product, &product(number, variants, self.now, self.now));
                }
                7 | 8 => self.changes_product(shop),
                9..=12 => self.sells(shop),
                13..=15 => self.changes_order(shop),
                16 => {
                    let (refund, cents) = (self.number(), self.dice.below(2_000) + 1);
                    if let Some((id, _)) = self.one(shop, Kind::Order) {
                        shop.refund(id, refund, cents, self.now);
                    }
                }
                _ => {
                    let kind = if self.dice.chance(50) { Kind::Product } else { Kind::Order };
                    if let Some((id, _)) = self.one(shop, kind) {
                        shop.delete(kind, id, self.now);
                    }
                }
            }
        }
    }

    fn changes_customer(&mut self, shop: &mut Shop) {
        let Some((_, known)) = self.one(shop, Kind::Customer) else { return };
        let name = format!("佐藤-{}", self.number());
        let mut other = changed(known, self.now, json!({ "lastName": name }));
        other["defaultAddress"] = if self.dice.chance(30) {
            Value::Null
        } else {
            json!({ "company": null, "city": name, "provinceCode": "JP-26", "countryCodeV2": "JP", "phone": null })
        };
        shop.put(Kind::Customer, &other);
    }

    /// Their orders are nobody's from then on.
    fn removes_customer(&mut self, shop: &mut Shop) {
        let Some((id, known)) = self.one(shop, Kind::Customer) else { return };
        for order in shop.things(Kind::Order).into_values().filter(|order| order["customer"]["id"] == known["id"]) {
            shop.put(Kind::Order, &changed(order, self.now, json!({ "customer": null })));
        }
        shop.delete(Kind::Customer, id, self.now);
    }

    /// Another title, and sometimes a variant more or fewer.
    fn changes_product(&mut self, shop: &mut Shop) {
        let Some((id, known)) = self.one(shop, Kind::Product) else { return };
        let mut other = changed(known, self.now, json!({ "title": format!("Tea {}", self.last) }));
        let variants = other["variants"].as_array_mut().unwrap();
        match self.dice.below(3) {
            0 if variants.len() > 1 => {
                let place = self.dice.below(variants.len() as u64) as usize;
                variants.remove(place);
            }
            1 => {
                let index = self.number();
                let mut more = product(id, 1, self.now, self.now)["variants"][0].take();
                more["id"] = json!(format!("gid://shopify/ProductVariant/{}", id * 1_000_000 + index));
                variants.push(more);
            }
            _ => {
                let place = self.dice.below(variants.len() as u64) as usize;
                variants[place] = changed(variants[place].take(), self.now, json!({ "price": format!("{}.00", self.dice.below(90) + 1) }));
            }
        }
        other["totalInventory"] = json!(other["variants"].as_array().unwrap().len() * 6);
        shop.put(Kind::Product, &other);
    }

    fn sells(&mut self, shop: &mut Shop) {
        let (number, lines) = (self.number(), self.dice.below(3) + 1);
        let mut new = order(number, lines, 0, self.now, self.now);
        new["email"] = json!(format!("buyer{number}@example.com"));
        new["customer"] = match self.one(shop, Kind::Customer) {
            Some((_, buyer)) if self.dice.chance(80) => {
                json!({ "id": buyer["id"], "firstName": buyer["firstName"], "lastName": buyer["lastName"], "defaultEmailAddress": buyer["defaultEmailAddress"] })
            }
            _ => Value::Null,
        };
        shop.put(Kind::Order, &new);
    }

    /// Another address, perhaps a line more, perhaps closed.
    fn changes_order(&mut self, shop: &mut Shop) {
        let Some((id, known)) = self.one(shop, Kind::Order) else { return };
        let mut other = changed(known, self.now, json!({ "email": format!("other{}@example.com", self.number()) }));
        if self.dice.chance(30) {
            let mut more = order(id, 1, 0, self.now, self.now)["lineItems"][0].take();
            more["id"] = json!(format!("gid://shopify/LineItem/{}", id * 1_000_000 + self.number()));
            other["lineItems"].as_array_mut().unwrap().push(more);
        }
        if self.dice.chance(30) {
            let closed_at = text(&other["updatedAt"]).to_owned();
            (other["closed"], other["closedAt"]) = (json!(true), json!(closed_at));
        }
        shop.put(Kind::Order, &other);
    }
}
