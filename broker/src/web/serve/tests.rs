#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::*;

/// Far longer than anything here takes.
const NEVER: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_millis(50);
const BOUNDS: Bounds = Bounds {
    age: NEVER,
    grace: NEVER,
    slow: NEVER,
};
/// Far more than fits between the two.
const BODY_BYTES: usize = 64 << 10;

/// A connection on which this was asked, and its other end.
async fn asked(bounds: Bounds, request: &str) -> (DuplexStream, JoinHandle<()>) {
    let routes = Router::new()
        .route("/file", get(|| async { vec![b'x'; BODY_BYTES] }))
        .route("/late", get(std::future::pending::<()>))
        .route("/takes", post(|_: String| async { "all of it" }));
    let (mut reader, stream) = duplex(1024);
    let served = tokio::spawn(exchange(stream, begun_within(SOON, routes), bounds));
    let request = format!("{request}\r\n");
    reader.write_all(request.as_bytes()).await.unwrap();
    (reader, served)
}

const FILE: &str = "GET /file HTTP/1.1\r\nHost: localhost\r\n";

/// All that still comes, to the end of the connection.
async fn rest(mut reader: DuplexStream) -> String {
    let mut all = Vec::new();
    let read = timeout(NEVER, reader.read_to_end(&mut all)).await;
    read.unwrap().unwrap();
    String::from_utf8(all).unwrap()
}

/// However large a file, and however old the connection: who takes it gets it whole, and may ask for nothing more on it.
#[tokio::test]
async fn an_answer_in_work_is_not_cut_for_the_age_of_its_connection() {
    let bounds = Bounds {
        age: SOON,
        ..BOUNDS
    };
    let (mut reader, served) = asked(bounds, FILE).await;
    let begins = reader.read_u8().await.unwrap();
    assert_eq!(begins, b'H');
    sleep(4 * SOON).await;
    let answer = rest(reader).await;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(body.len(), BODY_BYTES);
    timeout(NEVER, served).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_reader_who_takes_nothing_more_is_cut() {
    let bounds = Bounds {
        slow: SOON,
        ..BOUNDS
    };
    let (reader, served) = asked(bounds, FILE).await;
    timeout(NEVER, served).await.unwrap().unwrap();
    assert!(rest(reader).await.len() < BODY_BYTES);
}

/// One who takes a little at a time would keep its place for ever.
#[tokio::test]
async fn a_reader_who_takes_a_little_at_a_time_is_cut_in_the_end() {
    let bounds = Bounds {
        age: SOON,
        grace: SOON,
        ..BOUNDS
    };
    let (mut reader, served) = asked(bounds, FILE).await;
    let mut taken = 0;
    while !served.is_finished() {
        let read = timeout(NEVER, reader.read_u8()).await.unwrap();
        taken += usize::from(read.is_ok());
        sleep(Duration::from_millis(1)).await;
    }
    assert!(taken + rest(reader).await.len() < BODY_BYTES, "{taken}");
}

/// Neither one that takes long to make, nor one whose request never ends.
#[tokio::test]
async fn an_answer_that_does_not_begin_in_time_is_503() {
    for request in [
        "GET /late HTTP/1.1\r\nConnection: close\r\n",
        "POST /takes HTTP/1.1\r\nConnection: close\r\nContent-Length: 9\r\n",
    ] {
        let (reader, _served) = asked(BOUNDS, request).await;
        let answer = rest(reader).await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.contains("retry-after: "), "{answer}");
        for what in ["x-content-type-options: nosniff", "cache-control: no-store"] {
            assert!(answer.contains(what), "`{what}` is not in: {answer}");
        }
    }
}
