//! Three providers with a table each that can be one.

use super::{Signer, Town, mechanism, org};
use crate::agreement::Agreement;
use crate::decide::Request;
use crate::entry::{Body, Contribution};
use crate::id::Role;
use crate::joint::With;
use crate::mechanism::Mechanism;
use crate::sign::{Signs, possession_payload};

/// Their names; each has one agreement with the city.
pub const PROVIDERS: [&str; 3] = ["bikes", "scooters", "taxis"];

/// The town of three providers.
pub struct Providers {
    pub town: Town,
    pub terms: Vec<Agreement>,
}

impl Providers {
    /// All agreements active, after `change` was made to each. The third provider has tighter bounds.
    pub fn new(change: impl Fn(usize, &mut Agreement)) -> Self {
        let mut town = Town::new();
        let (base, mut terms) = (town.terms.clone(), Vec::new());
        for (n, name) in PROVIDERS.into_iter().enumerate() {
            let mut its = base.clone();
            if n == 0 {
                change(n, &mut its);
                town.terms = its.clone();
                for body in town.agreeing() {
                    town.write(body);
                }
                terms.push(its);
                continue;
            }
            let signer = Signer::new();
            let spiffe = format!("spiffe://weir.test/org/{name}");
            let key = signer.public.fingerprint();
            let claim = possession_payload(&org(name), Role::Provider, &spiffe, key);
            town.write(Body::OrgAdmitted {
                org: org(name),
                role: Role::Provider,
                spiffe,
                possession: signer.sign(Signs::KeyPossession, &claim),
                key: signer.public.clone(),
                by: None,
            });
            its.provider.org = org(name);
            its.provider.key = signer.public.fingerprint().clone();
            its.population.id = format!("{name}-riders").parse().unwrap();
            if n == 2 {
                (its.tables[0].cells_max, its.tables[0].per_cell_max) = (1, 2);
            }
            change(n, &mut its);
            town.agree(&its, &signer);
            terms.push(its);
        }
        Self { town, terms }
    }

    /// The same, and each has contributed the period.
    pub fn contributed(period: &str, change: impl Fn(usize, &mut Agreement)) -> Self {
        let mut all = Self::new(change);
        for n in 0..PROVIDERS.len() {
            all.contribute(n, period, &format!("b{n}"));
        }
        all
    }

    pub fn contribute(&mut self, n: usize, period: &str, batch: &str) {
        let table = self.terms[n].tables[0].name.to_string();
        self.contribute_table(n, &table, period, batch);
    }

    pub fn contribute_table(&mut self, n: usize, table: &str, period: &str, batch: &str) {
        let terms = &self.terms[n];
        self.town.write(Body::ContributionAccepted(Contribution {
            agreement: terms.id().unwrap(),
            table: table.parse().unwrap(),
            period: period.parse().unwrap(),
            provider: terms.provider.org.clone(),
            batch: batch.parse().unwrap(),
            blob: crate::id::sha256_hex(batch.as_bytes()).parse().unwrap(),
            supersedes: None,
            late: false,
        }));
    }

    /// One table of these providers, the first of them first.
    pub fn request(&self, id: &str, period: &str, parts: &[usize]) -> Request {
        let with = |n: &usize| With {
            agreement: self.terms[*n].id().unwrap(),
            table: self.terms[*n].tables[0].name.clone(),
        };
        let first = with(&parts[0]);
        Request {
            agreement: first.agreement,
            table: first.table,
            with: parts[1..].iter().map(with).collect(),
            ..self.town.request(id, period)
        }
    }

    /// Noise at one scale for these parts, within the charge of each.
    pub fn mechanisms(&self, parts: &[usize]) -> Vec<Mechanism> {
        let of = |n: &usize| {
            let (mut mechanism, terms) = (mechanism(), &self.terms[*n]);
            let table = &terms.tables[0];
            if let Mechanism::Thresholded {
                selection,
                measures,
            } = &mut mechanism
            {
                (selection.k, selection.draw.l0) = (terms.k, table.cells_max);
                for measure in measures {
                    measure.draw.l0 = table.cells_max;
                    measure.draw.linf = u64::from(table.per_cell_max);
                }
            }
            mechanism
        };
        parts.iter().map(of).collect()
    }
}
