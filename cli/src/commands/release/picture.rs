//! `weir release map` and `weir release chart`: a release as a picture, or as bars on the screen.

use std::path::{Path, PathBuf};

use clap::Args;
use export::picture::{Picture, PictureError, Sum, Wish, png};
use policies::id::ReleaseKey;
use serde::Serialize;

use super::super::Session;
use super::super::session::from_client;
use super::save;
use crate::errors::{CliError, OrFail};
use crate::files::replace;
use crate::output::{View, right, table, thousands};

/// Bars on the screen; all of them are in the picture and in --json.
const BARS: usize = 24;
/// Signs of the longest bar.
const LONGEST: usize = 40;
/// Where systems keep a font that a PNG can be written with.
const FONTS: [&str; 6] = [
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
    "/usr/share/fonts/TTF/DejaVuSans.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf",
    "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
    "C:\\Windows\\Fonts\\arial.ttf",
];

pub const MAP_HELP: &str = "\
Example:
  weir release map KEY --out od.svg                    zones by colour, or the largest flows by width
  weir release map KEY --out od.png --flows 60
  weir release map KEY --only start=07:00-09:00 --only mode=bike --out morning.svg
  weir release map KEY                                 the largest ones as bars on the screen

Only released numbers are drawn, so a map is free. Zones of which nothing is released are hatched:
withheld is not zero. Numbers of several rows are added up, and so are their errors (squares, since
each row has noise of its own). People do not add up over the day: of such tables the busiest time and
category are shown where --only names none. A PNG is written with the system's DejaVu Sans, Liberation Sans or Arial,
or with --font; an SVG needs no font here.";

pub const CHART_HELP: &str = "\
Example:
  weir release chart KEY --out day.svg                 the profile of a day, with 95 % intervals
  weir release chart KEY --by mode --out modes.svg     how trips split into modes
  weir release chart KEY --only origin=00100           one zone, as bars on the screen

Times of which nothing is released are hatched: withheld is not zero. Parts of the day are of unlike
length, so the profile shows numbers an hour, of several days their mean; the screen shows sums over
all days.";

/// What both draw.
#[derive(Debug, Args)]
pub struct Drawn {
    /// The release's key, as `weir release list` shows it.
    pub key: ReleaseKey,
    /// The number to show; the table's count of events where it is left out.
    #[arg(long, value_name = "COLUMN")]
    pub measure: Option<String>,
    /// Only rows with this value, for example mode=bike or start=07:00-09:00; again for each dimension.
    #[arg(long, value_name = "DIMENSION=VALUE", value_parser = only)]
    pub only: Vec<(String, String)>,
    /// Where to write the picture: a name that ends in .svg or .png. Without it, bars on the screen.
    #[arg(long, value_name = "FILE", value_parser = picture_file)]
    pub out: Option<PathBuf>,
    /// The font that a PNG is written with: a .ttf or .otf file.
    #[arg(long, value_name = "FILE", requires = "out")]
    pub font: Option<PathBuf>,
}

/// Arguments of `weir release map`.
#[derive(Debug, Args)]
pub struct Map {
    /// What to draw.
    #[command(flatten)]
    pub drawn: Drawn,
    /// How many flows to show, the largest first; 100 where it is left out.
    #[arg(long, value_name = "NUMBER")]
    pub flows: Option<usize>,
}

/// Arguments of `weir release chart`.
#[derive(Debug, Args)]
pub struct Chart {
    /// What to draw.
    #[command(flatten)]
    pub drawn: Drawn,
    /// A category to chart by, for example mode; by the time of day where it is left out.
    #[arg(long, value_name = "DIMENSION")]
    pub by: Option<String>,
}

pub async fn map(args: Map, session: &Session) -> Result<(), CliError> {
    let Map { drawn, flows } = args;
    let wish = Wish {
        flows,
        ..drawn.wish()
    };
    draw(drawn, session, |export| export.map(&wish)).await
}

pub async fn chart(args: Chart, session: &Session) -> Result<(), CliError> {
    let Chart { drawn, by } = args;
    let wish = Wish { by, ..drawn.wish() };
    draw(drawn, session, |export| export.chart(&wish)).await
}

impl Drawn {
    fn wish(&self) -> Wish {
        Wish {
            measure: self.measure.clone(),
            only: self.only.clone(),
            ..Wish::default()
        }
    }
}

async fn draw(
    args: Drawn,
    session: &Session,
    picture: impl FnOnce(&export::Export) -> Result<Picture, PictureError>,
) -> Result<(), CliError> {
    let client = session.client().await?;
    let fetched = client.fetch(&args.key).await.map_err(from_client)?;
    let export = save::export(&client, &fetched, fetched.batches()).await?;
    let picture = picture(&export).or_fail()?;
    if let Some(out) = &args.out {
        let bytes = match is_png(out) {
            true => png(&picture.svg, vec![font(args.font.as_deref())?]).or_fail()?,
            false => picture.svg.clone().into_bytes(),
        };
        replace(out, &bytes)?;
    }
    session.output.show(&Shown::of(picture, args.out))
}

/// The font that was named, or the first one that the system has.
fn font(named: Option<&Path>) -> Result<Vec<u8>, CliError> {
    if let Some(path) = named {
        return std::fs::read(path).map_err(|e| CliError::file("read", path, e));
    }
    let found = FONTS.iter().find_map(|path| std::fs::read(path).ok());
    found.ok_or_else(|| {
        CliError::new("no font was found to write into a PNG")
            .or_try("--font FILE.ttf, or apt-get install fonts-dejavu-core, or --out FILE.svg")
    })
}

fn only(text: &str) -> Result<(String, String), String> {
    let (dimension, value) = text.split_once('=').ok_or("write DIMENSION=VALUE")?;
    Ok((dimension.to_owned(), value.to_owned()))
}

fn picture_file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let end = path
        .extension()
        .map(|end| end.to_string_lossy().to_ascii_lowercase());
    match end.as_deref() {
        Some("svg" | "png") => Ok(path),
        _ => Err("the name has to end in .svg or .png".into()),
    }
}

fn is_png(path: &Path) -> bool {
    path.extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("png"))
}

/// A picture's numbers, and where it is.
#[derive(Serialize)]
struct Shown {
    title: String,
    unit: String,
    numbers: Vec<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
}

#[derive(Serialize)]
struct Number {
    of: String,
    /// The sum of released rows; none where all are withheld.
    value: Option<i64>,
    /// Half the width of its 95 % interval; none where no interval is stated.
    half: Option<i64>,
    withheld_keys: u64,
}

impl Shown {
    fn of(picture: Picture, file: Option<PathBuf>) -> Self {
        let number = |(of, sum): (String, Sum)| Number {
            of,
            value: (!sum.is_withheld()).then_some(sum.value),
            half: (picture.intervals && !sum.is_withheld()).then(|| sum.half()),
            withheld_keys: sum.withheld,
        };
        Self {
            title: picture.title,
            unit: picture.unit,
            numbers: picture.series.into_iter().map(number).collect(),
            file,
        }
    }
}

impl View for Shown {
    fn text(&self) -> String {
        let largest = self
            .numbers
            .iter()
            .filter_map(|n| n.value)
            .max()
            .unwrap_or(0);
        let mut bars = table(&["", &self.unit, "±", ""]);
        for number in self.numbers.iter().take(BARS) {
            let half = number.half.map(thousands).unwrap_or_default();
            let (value, sign) = match number.value {
                Some(value) => (thousands(value), bar(value, largest)),
                None => ("withheld".to_owned(), String::new()),
            };
            bars.add_row([number.of.clone(), value, half, sign]);
        }
        right(&mut bars, &[1, 2]);
        let more = self.numbers.len().saturating_sub(BARS);
        let more = match more {
            0 => String::new(),
            more => format!("\n{} more; --json gives all.", thousands(more as u64)),
        };
        let saved = self
            .file
            .as_ref()
            .map(|file| format!("\nSaved in {}.", file.display()));
        let next = "\nA picture of it: --out FILE.svg or FILE.png";
        format!(
            "{}\n{bars}\n{more}{}",
            self.title,
            saved.as_deref().unwrap_or(next)
        )
    }
}

/// A bar of blocks, in eighths of a sign.
fn bar(value: i64, largest: i64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let (value, largest) = (value.max(0).unsigned_abs(), largest.max(1).unsigned_abs());
    let eighths = u128::from(value) * (LONGEST as u128) * 8 / u128::from(largest);
    let eighths = usize::try_from(eighths).unwrap_or(0).min(LONGEST * 8);
    let part = EIGHTHS.get(eighths % 8).copied().unwrap_or_default();
    format!("{}{part}", "█".repeat(eighths / 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_numbers() {
        assert_eq!(bar(100, 100).chars().count(), LONGEST);
        assert_eq!(bar(50, 100), "█".repeat(LONGEST / 2));
        assert_eq!(bar(1, 320), "▏");
        assert_eq!((bar(-5, 100), bar(0, 0)), (String::new(), String::new()));
    }

    #[test]
    fn a_picture_is_named_by_what_it_is() {
        assert!(picture_file("a.SVG").is_ok() && picture_file("a.b.png").is_ok());
        assert!(picture_file("a.jpg").is_err() && picture_file("svg").is_err());
        let typed = only("start=07:00-09:00").map(|(_, value)| value);
        assert_eq!(typed.as_deref(), Ok("07:00-09:00"));
        assert!(only("bike").is_err());
    }
}
