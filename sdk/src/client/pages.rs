//! Lists that come in pages, as one.

use proto::convert::{Page, Paged};
use proto::limits::PAGE_MAX;

use super::error::ClientError;
use super::limits::PAGES_MAX;

/// Gathers the pages of one list.
#[derive(Debug)]
pub(super) struct Pages<T> {
    doing: &'static str,
    items: Vec<T>,
    page: Page,
    read: u32,
}

/// What follows a page.
#[derive(Debug)]
pub(super) enum Turned<T> {
    /// Another page has to be asked for.
    More(Pages<T>),
    /// All items, in the broker's order.
    All(Vec<T>),
}

impl<T> Pages<T> {
    pub fn new(doing: &'static str) -> Self {
        Self {
            doing,
            items: Vec::new(),
            page: Page {
                size: PAGE_MAX,
                after: None,
            },
            read: 0,
        }
    }

    /// Which page to ask for.
    pub fn page(&self) -> Page {
        self.page.clone()
    }

    /// Takes the page that was asked for. A list that does not get on is an error, not a loop.
    pub fn turn(mut self, page: Paged<T>) -> Result<Turned<T>, ClientError> {
        let Paged { items, next } = page;
        self.items.extend(items);
        let Some(next) = next else {
            return Ok(Turned::All(self.items));
        };
        self.read = self.read.saturating_add(1);
        if self.read >= PAGES_MAX || self.page.after.as_ref() == Some(&next) {
            return Err(ClientError::Mismatch {
                doing: self.doing,
                what: "a list without end",
            });
        }
        self.page.after = Some(next);
        Ok(Turned::More(self))
    }
}

/// Calls a list method until its last page: the expression gets the page and answers a `Paged`.
macro_rules! all_pages {
    ($doing:expr, |$page:ident| $call:expr) => {{
        let mut pages = $crate::client::pages::Pages::new($doing);
        loop {
            let $page = pages.page();
            match pages.turn($call)? {
                $crate::client::pages::Turned::More(more) => pages = more,
                $crate::client::pages::Turned::All(items) => break items,
            }
        }
    }};
}

pub(super) use all_pages;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn page(items: &[u8], next: Option<&str>) -> Paged<u8> {
        Paged {
            items: items.to_vec(),
            next: next.map(str::to_owned),
        }
    }

    #[test]
    fn pages_become_one_list_and_one_that_stands_still_is_refused() {
        let pages = Pages::new("list");
        assert_eq!(pages.page().after, None);
        let Turned::More(pages) = pages.turn(page(&[1, 2], Some("2"))).unwrap() else {
            panic!("there is more");
        };
        assert_eq!(pages.page().after.as_deref(), Some("2"));
        let Turned::More(pages) = pages.turn(page(&[], Some("3"))).unwrap() else {
            panic!("there is more");
        };
        let all = pages.turn(page(&[3], None)).unwrap();
        assert!(matches!(all, Turned::All(items) if items == [1, 2, 3]));

        let Turned::More(pages) = Pages::new("list").turn(page(&[1], Some("1"))).unwrap() else {
            panic!("there is more");
        };
        let still = pages.turn(page(&[1], Some("1"))).unwrap_err();
        assert!(matches!(still, ClientError::Mismatch { .. }), "{still}");
    }
}
