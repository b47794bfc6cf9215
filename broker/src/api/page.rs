//! One page of a sorted list: the token is the last key of the page before.

use proto::convert::{Page, Paged};

/// The items after the page's token, at most its size; `key` MUST be rising along `items`.
pub(super) fn paged<T>(
    items: impl Iterator<Item = T>,
    key: impl Fn(&T) -> String,
    page: &Page,
) -> Paged<T> {
    let after = |item: &T| page.after.as_ref().is_none_or(|token| key(item) > *token);
    let mut rest = items.filter(after);
    let items: Vec<T> = rest.by_ref().take(page.size as usize).collect();
    let more = rest.next().is_some();
    let next = items.last().filter(|_| more).map(&key);
    Paged { items, next }
}
