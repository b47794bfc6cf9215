//! SVG painted as PNG, with fonts that the caller brings.

use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb::Database};

use super::PictureError;

/// Pixels of the picture for one of the SVG.
const SHARP: f32 = 2.0;

/// Paints one of our pictures at twice its size. `fonts` are TrueType or OpenType files; the first one that can be
/// read is written with.
///
/// # Errors
/// [`PictureError::NoFont`] where none of them is a font: without one a picture would have no words;
/// [`PictureError::Paint`].
pub fn png(svg: &str, fonts: Vec<Vec<u8>>) -> Result<Vec<u8>, PictureError> {
    let paint = |why: String| PictureError::Paint { why };
    let mut database = Database::new();
    for font in fonts {
        database.load_font_data(font);
    }
    let family = database
        .faces()
        .next()
        .and_then(|face| face.families.first());
    let family = family
        .map(|(name, _)| name.clone())
        .ok_or(PictureError::NoFont)?;
    database.set_sans_serif_family(family);
    let options = Options {
        fontdb: Arc::new(database),
        ..Options::default()
    };
    let tree = Tree::from_str(svg, &options).map_err(|e| paint(e.to_string()))?;
    let size = tree.size().to_int_size().scale_by(SHARP);
    let size = size.ok_or_else(|| paint("it has no size".into()))?;
    let pixmap = Pixmap::new(size.width(), size.height());
    let mut pixmap = pixmap.ok_or_else(|| paint("it is too large".into()))?;
    resvg::render(
        &tree,
        Transform::from_scale(SHARP, SHARP),
        &mut pixmap.as_mut(),
    );
    pixmap.encode_png().map_err(|e| paint(e.to_string()))
}
