//! The cheapest signed box that moves a cell.
//!
//! A box takes one finest cell and pairs its value in each dimension with another value, or with none.
//! Corners with an even number of pairs taken change by +t or −t like the cell, odd ones the other way.
//! Of the coarser cells only those change that tell both sides of every pair apart: products, over the
//! dimensions, of the two chains from the paired values up to where they meet; without a partner, of the
//! whole chain up to the total. Every cell that changes has to be hidden; empty ones are.
//!
//! (Pairing several dimensions as one was tried on sparse tables: 15 to 29 % more cells kept, in some 200 to
//! 430 times the time.)

use super::table::{Fate, Key, Map, Table};
use super::tree::{Hierarchy, Node};

/// Partners that are looked at in a dimension.
const LOOKED_AT_MAX: usize = 256;
/// Of those, how many are tried in boxes.
const TRIED_MAX: usize = 12;
/// Cells that one search may look at: bounds the work of one cell, after it the best so far serves.
const STEPS_MAX: usize = 1 << 14;

/// Which way the cell moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// To 0.
    Down,
    /// To k and beyond.
    Up,
}

/// A box and how much of it. No Debug: amounts come from true counts.
#[derive(Default)]
pub(super) struct Found {
    /// t, at least 1.
    pub(super) amount: i64,
    /// Every cell that changes, and whether it grows.
    pub(super) changed: Vec<(Key, bool)>,
    cost: u64,
}

/// A partner of a value, and how much of both chains changes: up to where they meet.
#[derive(Debug, Clone, Copy)]
struct Pair {
    /// Steps of the moved value's chain.
    own: usize,
    /// The partner.
    partner: Node,
    /// Steps of the partner's chain; 0 without a partner.
    other: usize,
}

/// A changed cell of a box that is being built.
#[derive(Debug, Clone, Copy)]
struct Changed {
    key: Key,
    grows: bool,
    finest: bool,
}

/// Buffers of a search, kept from one to the next.
#[derive(Default)]
pub(super) struct Search {
    pairs: Vec<Vec<Pair>>,
    changed: Vec<Changed>,
    best: Found,
    steps: usize,
}

/// What is asked.
struct Wish<'a> {
    table: &'a Table,
    changes: &'a Map<Key, i64>,
    from: Key,
    cell: Key,
    to: Direction,
    least: i64,
    need: i64,
}

impl Search {
    /// The cheapest box that moves `cell` by moving the finest cell `from` below it by `amount.0` to
    /// `amount.1`, on top of the alternative table `changes`. There always is one: without any partner.
    pub(super) fn cheapest(
        &mut self,
        table: &Table,
        changes: &Map<Key, i64>,
        from: Key,
        cell: Key,
        to: Direction,
        (least, need): (i64, i64),
    ) -> &Found {
        let wish = Wish {
            table,
            changes,
            from,
            cell,
            to,
            least,
            need,
        };
        self.best = Found {
            amount: 0,
            changed: Vec::new(),
            cost: u64::MAX,
        };
        // Without partners first: always a box, and a bound for the rest.
        for paired in [false, true] {
            self.attempt(&wish, paired);
        }
        &self.best
    }

    fn attempt(&mut self, wish: &Wish, paired: bool) {
        self.pairs.clear();
        for (d, dim) in wish.table.dims.iter().enumerate() {
            self.pairs.push(if paired {
                wish.partners(d, dim)
            } else {
                vec![unpaired(dim, wish.from.node(d))]
            });
        }
        self.steps = 0;
        self.changed.clear();
        self.changed.push(Changed {
            key: wish.from,
            grows: wish.to == Direction::Up,
            finest: true,
        });
        let amount = match wish.to {
            Direction::Up => wish.need,
            Direction::Down => wish.need.min(wish.has(wish.from)),
        };
        self.extend(wish, 0, 0, amount);
    }

    /// Tries every partner in dimension `d` on the box built so far, then the next dimension. Costs grow
    /// and amounts shrink with every dimension, so a box no better than the best is given up at once.
    fn extend(&mut self, wish: &Wish, d: usize, cost: u64, amount: i64) {
        let Some(tried) = self.pairs.get(d).map(Vec::len) else {
            return self.keep(cost, amount);
        };
        let built = self.changed.len();
        for i in 0..tried {
            if self.steps > STEPS_MAX {
                return;
            }
            let grown = self.grow(wish, (d, i), built, (cost, amount));
            if let Some((cost, amount)) = grown {
                self.extend(wish, d + 1, cost, amount);
            }
            self.changed.truncate(built);
        }
    }

    fn grow(
        &mut self,
        wish: &Wish,
        (d, pair): (usize, usize),
        built: usize,
        (mut cost, mut amount): (u64, i64),
    ) -> Option<(u64, i64)> {
        let dim = wish.table.dims.get(d)?;
        let pair = *self.pairs.get(d)?.get(pair)?;
        let own = dim.chain(wish.from.node(d)).iter().take(pair.own).skip(1);
        let own = own.map(|node| (*node, true, false));
        let other = dim.chain(pair.partner).iter().take(pair.other).enumerate();
        let other = other.map(|(step, node)| (*node, false, step == 0));
        for (node, same, leaf) in own.chain(other) {
            for i in 0..built {
                let Changed { key, grows, finest } = *self.changed.get(i)?;
                let new = Changed {
                    key: key.with(d, node),
                    grows: grows == same,
                    finest: finest && leaf,
                };
                self.steps += 1;
                cost = cost.saturating_add(wish.cost(new.key));
                if new.finest && !new.grows {
                    amount = amount.min(wish.has(new.key));
                }
                if amount < wish.least || !better(cost, amount, &self.best) {
                    return None;
                }
                self.changed.push(new);
            }
        }
        Some((cost, amount))
    }

    fn keep(&mut self, cost: u64, amount: i64) {
        if amount > 0 && better(cost, amount, &self.best) {
            self.best.cost = cost;
            self.best.amount = amount;
            self.best.changed.clear();
            let changed = self.changed.iter().map(|c| (c.key, c.grows));
            self.best.changed.extend(changed);
        }
    }
}

fn better(cost: u64, amount: i64, best: &Found) -> bool {
    (cost, -amount) < (best.cost, -best.amount)
}

fn unpaired(dim: &Hierarchy, value: Node) -> Pair {
    Pair {
        own: dim.chain(value).len(),
        partner: value,
        other: 0,
    }
}

impl Wish<'_> {
    /// What it costs to hide a cell: nothing where it is empty or hidden.
    fn cost(&self, key: Key) -> u64 {
        let shown = |c: &super::table::Cell| c.fate == Fate::Published;
        u64::from(self.table.cell(key).is_some_and(shown))
    }

    /// What a cell has in the alternative table.
    fn has(&self, key: Key) -> i64 {
        let count = self.table.cell(key).map_or(0, |cell| cell.count);
        count + self.changes.get(&key).copied().unwrap_or(0)
    }

    /// The partners to try in dimension `d`, the most promising first.
    fn partners(&self, d: usize, dim: &Hierarchy) -> Vec<Pair> {
        let value = self.from.node(d);
        let chain = dim.chain(value);
        let cost = |nodes: &[Node]| -> u64 {
            let line = nodes.iter().map(|n| self.cost(self.from.with(d, *n)));
            line.sum()
        };
        let mut ranked = vec![((cost(chain), 0, 0), unpaired(dim, value))];
        // A partner inside the moved cell would not move it.
        let inside = chain.iter().position(|n| *n == self.cell.node(d));
        let mut values = Vec::new();
        for (own, (below, meet)) in (1..).zip(chain.iter().zip(chain.iter().skip(1))) {
            if inside.is_none_or(|i| own <= i) {
                continue;
            }
            if ranked.len() > LOOKED_AT_MAX {
                break;
            }
            let own_cost = cost(chain.get(..own).unwrap_or_default());
            values.clear();
            dim.values_below(*meet, *below, &mut values);
            for partner in values.iter().take(LOOKED_AT_MAX).copied() {
                let has = self.has(self.from.with(d, partner));
                let gives = match self.to {
                    Direction::Up if has == 0 => continue,
                    Direction::Up => self.need - has.min(self.need),
                    Direction::Down => 0,
                };
                let other = dim.chain(partner);
                let other = other.split(|n| n == meet).next().unwrap_or_default();
                let rank = (
                    own_cost + cost(other),
                    gives,
                    // The next one round the circle: a public choice among equals.
                    partner.wrapping_sub(value),
                );
                let other = other.len();
                ranked.push((
                    rank,
                    Pair {
                        own,
                        partner,
                        other,
                    },
                ));
            }
        }
        ranked.sort_by_key(|(rank, _)| *rank);
        ranked.truncate(TRIED_MAX);
        ranked.into_iter().map(|(_, pair)| pair).collect()
    }
}
