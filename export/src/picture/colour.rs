//! Colours that people who see few of them tell apart, and classes of numbers.

/// Five steps from light to dark, safe for all common kinds of colour blindness (after ColorBrewer's YlGnBu).
pub(super) const STEPS: [&str; 5] = ["#ffffcc", "#a1dab4", "#41b6c4", "#2c7fb8", "#253494"];
/// Colours for categories (Okabe and Ito 2008), dark ones first.
pub(super) const CATEGORIES: [&str; 7] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000",
];

/// Upper ends of at most five classes with about as many values each, rounded to two digits; rising, the last one
/// holds the largest.
pub(super) fn classes(values: &[i64]) -> Vec<i64> {
    let mut sorted: Vec<i64> = values.to_vec();
    sorted.sort_unstable();
    let (Some(least), Some(last)) = (sorted.first(), sorted.last().copied()) else {
        return Vec::new();
    };
    let at = |n: usize| sorted.get(sorted.len() * n / STEPS.len()).copied();
    let mut ends: Vec<i64> = (1..STEPS.len()).filter_map(at).map(two_digits).collect();
    // Rounding may leave the values: an end below the least one would be that of a class without any.
    ends.retain(|end| (*least..=last).contains(end));
    ends.push(last);
    ends.sort_unstable();
    ends.dedup();
    ends
}

/// The class of a value, as a colour.
pub(super) fn colour(value: i64, ends: &[i64]) -> &'static str {
    let class = ends
        .partition_point(|end| *end < value)
        .min(ends.len().saturating_sub(1));
    step(class, ends.len())
}

/// The colour of a class among so many: the darkest for the last.
pub(super) fn step(class: usize, classes: usize) -> &'static str {
    let from_end = classes.saturating_sub(1).saturating_sub(class);
    let step = (STEPS.len() - 1).saturating_sub(from_end);
    STEPS.get(step).copied().unwrap_or("#253494")
}

fn two_digits(value: i64) -> i64 {
    let mut unit = 1_i64;
    while value.unsigned_abs() / unit.unsigned_abs() >= 100 {
        unit = unit.saturating_mul(10);
    }
    value / unit * unit
}

/// 1, 2 or 5 times a power of ten, the largest that is not above.
pub(super) fn nice(value: f64) -> f64 {
    if value <= 0.0 || !value.is_finite() {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let of = value / power;
    let step = if of >= 5.0 {
        5.0
    } else if of >= 2.0 {
        2.0
    } else {
        1.0
    };
    step * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_class_ends_below_the_least_value() {
        assert_eq!(classes(&[101, 103, 105, 108]), [108], "100 is none of them");
        assert_eq!(classes(&[-8, -3]), [-8, -3]);
        let ends = classes(&[120, 340, 560, 780, 1005]);
        assert_eq!(ends, [340, 560, 780, 1000, 1005]);
        assert!(classes(&[]).is_empty());
    }
}
