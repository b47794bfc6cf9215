//! Pictures of a release: maps and charts as SVG, and SVG as PNG.
//!
//! Nothing but released numbers is drawn. Equal releases and wishes give equal bytes of SVG; a PNG depends on the
//! font as well.

mod bars;
mod colour;
mod flows;
mod frame;
mod map;
mod png;
mod profile;
mod svg;
mod tally;
mod view;

use crate::source::Export;

pub use png::png;
pub use tally::Sum;

/// Flows that a map shows where nobody says how many.
pub const FLOWS: usize = 100;
/// Most flows of a map: more are a ball of wool.
pub const FLOWS_MAX: usize = 2000;

/// What to draw.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// The number to show; the table's count of events where it is left out.
    pub measure: Option<String>,
    /// Values that key columns have to have: (`mode`, `bike`).
    pub only: Vec<(String, String)>,
    /// Largest flows to show; [`FLOWS`] where it is left out.
    pub flows: Option<usize>,
    /// The category to chart by; by the time of day where it is left out.
    pub by: Option<String>,
}

/// A picture, and its numbers.
#[derive(Debug, Clone)]
pub struct Picture {
    /// The document.
    pub svg: String,
    /// What it shows.
    pub title: String,
    /// What is counted.
    pub unit: String,
    /// Do the numbers come with intervals?
    pub intervals: bool,
    /// The numbers in it: what they are of, and the sum.
    pub series: Vec<(String, Sum)>,
}

/// Why there is no picture. Each says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// No such number, or one that cannot be added up.
    #[error("`{given}` is no number of this table that adds up: choose one of {known}")]
    Measure {
        /// What was asked for.
        given: String,
        /// What there is.
        known: String,
    },
    /// No such column in the key.
    #[error("`{given}` is no dimension of this table: choose one of {known}")]
    Dimension {
        /// What was asked for.
        given: String,
        /// What there is.
        known: String,
    },
    /// No such value.
    #[error("no row has `{dimension}` = `{given}`: see the values with `--csv`")]
    Value {
        /// Of which dimension.
        dimension: String,
        /// What was asked for.
        given: String,
    },
    /// Nothing to draw on.
    #[error("the table's zones have no outlines, or are all one: chart it instead")]
    NoMap,
    /// Nothing to chart by.
    #[error(
        "the table has one time of day and one category: there is nothing to chart; map it instead"
    )]
    NoChart,
    /// Nothing was released.
    #[error("no released row is among those asked for: everything is withheld")]
    Empty,
    /// No font to write with.
    #[error(
        "no font was found to write into a PNG: name one (a .ttf file), or write SVG, which needs none"
    )]
    NoFont,
    /// The picture cannot be painted.
    #[error("cannot paint the picture: {why}")]
    Paint {
        /// The painter's words.
        why: String,
    },
}

impl Export {
    /// A map: zones by colour, or the largest flows by width where the table has origins and destinations. Zones of
    /// which nothing is released are hatched.
    ///
    /// # Errors
    /// [`PictureError`].
    pub fn map(&self, wish: &Wish) -> Result<Picture, PictureError> {
        map::draw(self, wish)
    }

    /// A chart: the profile of a day with its 95 % intervals, or bars by a category.
    ///
    /// # Errors
    /// [`PictureError`].
    pub fn chart(&self, wish: &Wish) -> Result<Picture, PictureError> {
        match &wish.by {
            Some(by) => bars::draw(self, wish, by),
            None => profile::draw(self, wish),
        }
    }
}

#[cfg(test)]
mod tests;
