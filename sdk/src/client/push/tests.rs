#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::sync::Mutex;

use arrow::datatypes::DataType;
use arrow_flight::decode::FlightRecordBatchStream;
use futures::TryStreamExt;

use super::*;
use crate::client::limits::PUSH_ROWS;
use crate::client::testing::samples::{cells, push};

fn collect(columns: &Columns) -> (Vec<FlightData>, Vec<PushProgress>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let progress: OnProgress = {
        let heard = Arc::clone(&heard);
        Arc::new(move |p| heard.lock().unwrap().push(p))
    };
    let (broke, _broken) = oneshot::channel();
    let sent = Sent::new(2, columns.rows, progress);
    let messages = messages(push().to_cmd(), columns.clone(), sent, broke);
    let messages = futures::executor::block_on(messages.collect());
    let heard = heard.lock().unwrap().clone();
    (messages, heard)
}

#[test]
fn what_the_broker_reads_is_what_was_given() {
    let given = [cells(0, PUSH_ROWS + 7), cells(PUSH_ROWS + 7, 5)];
    let columns = Columns::new(&given).unwrap();
    let (messages, heard) = collect(&columns);

    let descriptor = messages[0].flight_descriptor.clone().unwrap();
    assert_eq!(Push::from_cmd(&descriptor.cmd).unwrap(), push());
    let later = messages[1..].iter().any(|m| m.flight_descriptor.is_some());
    assert!(!later, "only the first message carries the header");

    let last = heard.last().unwrap();
    let bytes: usize = messages.iter().map(Message::encoded_len).sum();
    assert_eq!((last.rows_sent, last.rows), (columns.rows, columns.rows));
    assert_eq!((last.bytes_sent, last.attempt), (bytes as u64, 2));
    assert!(heard.is_sorted_by_key(|p| (p.rows_sent, p.bytes_sent)));

    let wire = stream::iter(messages.into_iter().map(Ok));
    let read = FlightRecordBatchStream::new_from_flight_data(wire);
    let read: Vec<RecordBatch> = futures::executor::block_on(read.try_collect()).unwrap();
    assert_eq!(read.len(), 2);
    assert_eq!(read[0].schema().fields(), given[0].schema().fields());
    let origin = read[0].schema().field(0).data_type().clone();
    assert!(matches!(origin, DataType::Dictionary(..)), "{origin}");
    assert_eq!(read, columns.chunks);
}

#[test]
fn each_dictionary_travels_once_per_batch_that_brought_it() {
    let columns = Columns::new(&[cells(0, 4 * PUSH_ROWS)]).unwrap();
    let (messages, _) = collect(&columns);
    // The schema, three dictionaries, four messages of rows.
    assert_eq!(messages.len(), 1 + 3 + 4);
}

#[test]
fn a_period_without_cells_sends_its_columns() {
    let columns = Columns::new(&[cells(0, 0)]).unwrap();
    let (messages, heard) = collect(&columns);
    assert_eq!((messages.len(), heard[0].rows), (1, 0));
}

#[test]
fn a_fault_of_the_encoder_is_no_end() {
    let fault = || FlightError::protocol("fault");
    let (broke, mut broken) = oneshot::channel();
    let items = [Ok(FlightData::new()), Err(fault()), Ok(FlightData::new())];
    let mut sent = whole(stream::iter(items), broke).boxed();
    let waker = futures::task::noop_waker();
    let mut context = Context::from_waker(&waker);
    let first = sent.poll_next_unpin(&mut context);
    assert!(matches!(first, Poll::Ready(Some(_))));
    assert!(sent.poll_next_unpin(&mut context).is_pending());
    assert!(broken.try_recv().is_ok());
    assert!(sent.poll_next_unpin(&mut context).is_pending());
}
