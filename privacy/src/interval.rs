//! Intervals of numbers that are not simply a true number with noise on it: a count that was selected by its
//! own noise, a ratio, a percentile. All are post-processing of what is released; floats are for display.

pub(crate) mod percentile;
pub(crate) mod ratio;
pub(crate) mod selected;

/// Half width of an interval for a sum of noises, from those of its parts. Taken a step wider, since a
/// noise is a whole number and its distribution jumps.
///
/// For Gaussians half widths add up in squares exactly, and a sum of Laplaces has a lighter tail than one:
/// exact distributions in `ratio::tests` cover 95 % or more.
pub(crate) fn widened(half: u64) -> f64 {
    half as f64 + 1.0
}
