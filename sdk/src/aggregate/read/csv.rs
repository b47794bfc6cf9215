//! CSV, plain or gzipped.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use ::csv::{ErrorKind, ReaderBuilder, StringRecord};
use flate2::read::MultiGzDecoder;

use super::{Columns, Each, Field, Row, Slot, Step, failed, locate};
use crate::aggregate::error::AggregateError;

/// Longest row: a quote that is never closed must not swallow the rest of the file.
const ROW_BYTES_MAX: u64 = 16 << 20;

/// Rows between two reports of the position.
const ROWS_PER_REPORT: u64 = 1 << 14;

#[derive(Clone, Copy)]
pub(crate) struct CsvRow<'a> {
    record: &'a StringRecord,
    places: &'a [usize],
}

impl<'a> CsvRow<'a> {
    pub fn field(&self, slot: Slot) -> Field<'a> {
        let place = self.places.get(slot.0);
        match place
            .and_then(|place| self.record.get(*place))
            .map(str::trim)
        {
            None | Some("") => Field::Missing,
            Some(text) => Field::Text(text),
        }
    }
}

pub(super) fn read(
    path: &Path,
    delimiter: u8,
    columns: &Columns,
    each: &mut Each<'_>,
) -> Result<(), AggregateError> {
    let file = File::open(path).map_err(|e| failed(path, &e))?;
    let packed = Rc::new(Cell::new(0));
    let plain = Rc::new(Cell::new(0));
    let file = BufReader::with_capacity(1 << 16, Metered::new(file, &packed, u64::MAX));
    let unpacked: Box<dyn Read> = if path.extension().is_some_and(|ext| ext == "gz") {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .buffer_capacity(1 << 16)
        .from_reader(Metered::new(unpacked, &plain, ROW_BYTES_MAX));

    let header = reader.headers().map_err(|e| failed(path, &e))?;
    let places = locate(path, columns, header.iter().map(str::trim))?;
    let mut record = StringRecord::new();
    for number in 1_u64.. {
        plain.set(0);
        match reader.read_record(&mut record) {
            Ok(true) => each(Step::Row(Row::Csv(CsvRow {
                record: &record,
                places: &places,
            })))?,
            Ok(false) => break,
            Err(e) => match e.kind() {
                ErrorKind::Utf8 { .. } | ErrorKind::UnequalLengths { .. } => each(Step::Malformed)?,
                _ => return Err(failed(path, &e)),
            },
        }
        if number % ROWS_PER_REPORT == 0 {
            each(Step::Bytes(packed.get()))?;
        }
    }
    each(Step::Bytes(packed.get()))
}

/// Counts what is read, and refuses to read on past a limit.
struct Metered<R> {
    inner: R,
    read: Rc<Cell<u64>>,
    limit: u64,
}

impl<R> Metered<R> {
    fn new(inner: R, read: &Rc<Cell<u64>>, limit: u64) -> Self {
        Self {
            inner,
            read: Rc::clone(read),
            limit,
        }
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read.get() > self.limit {
            return Err(io::Error::other(
                "a row has over 16 MiB: is a quote opened and never closed?",
            ));
        }
        let bytes = self.inner.read(buffer)?;
        self.read.set(self.read.get().saturating_add(bytes as u64));
        Ok(bytes)
    }
}
