//! What operators keep without telling the pool, and what they do in one turn.

use std::time::Duration;

use arrow::array::DictionaryArray;
use arrow::datatypes::Int32Type;

use super::*;

/// A table `od` of as many rows, each with a text of as many bytes.
fn long_texts(rows: usize, bytes: usize) -> Arc<dyn Tables> {
    let texts = (0..rows).map(|_| "a".repeat(bytes));
    let numbers = Int64Array::from_iter_values((0..rows).map(|n| n as i64));
    let columns: [(&str, ArrayRef); 2] = [
        ("origin", Arc::new(StringArray::from_iter_values(texts))),
        ("trips", Arc::new(numbers)),
    ];
    let od = RecordBatch::try_from_iter(columns).unwrap();
    Arc::new(Two([("od", od)].into()))
}

async fn of(
    tables: Arc<dyn Tables>,
    text: &str,
    bounds: Bounds,
) -> Result<Vec<RecordBatch>, SqlError> {
    let statement = Statement::new(tables, text, bounds).await?;
    statement.run().await?.try_collect().await
}

/// Found by a review: a window keeps all its rows, and no pool saw them.
#[tokio::test]
async fn a_window_keeps_no_more_than_its_memory_and_its_rows() {
    let windows = [
        "max(a.trips) OVER ()",
        "row_number() OVER ()",
        "sum(a.trips) OVER (PARTITION BY a.origin ORDER BY a.trips)",
        "lag(a.trips) OVER (ORDER BY b.trips)",
    ];
    let small = Bounds {
        memory_bytes: 2 << 20,
        ..BOUNDS
    };
    let few = Bounds {
        held_rows: 20_000,
        ..BOUNDS
    };
    for window in windows {
        let text = format!("SELECT max(s) FROM (SELECT {window} AS s FROM od a, od b)");
        let answer = of(tables(200), &text, small).await;
        assert!(
            matches!(answer, Err(SqlError::Memory)),
            "{text}: {answer:?}"
        );
        let answer = of(tables(200), &text, few).await;
        let ours = matches!(answer, Err(SqlError::Held { limit: 20_000 }));
        assert!(ours, "{text}: {answer:?}");
        let answer = of(tables(100), &text, BOUNDS).await;
        assert!(answer.is_ok(), "{text}: {answer:?}");
    }
}

/// One long text among the rows may become the value of each of them.
#[tokio::test]
async fn a_window_makes_no_more_texts_than_its_memory_holds() {
    let small = Bounds {
        memory_bytes: 4 << 20,
        ..BOUNDS
    };
    // A megabyte as it comes, and 20 in the window.
    let longer = "CASE WHEN trips < 50 THEN origin END";
    let text = format!("SELECT count(s) FROM (SELECT max({longer}) OVER () AS s FROM od)");
    let answer = of(
        long_texts(1_000, 20_000),
        &text,
        Bounds {
            read_bytes: 64 << 20,
            ..small
        },
    )
    .await;
    assert!(matches!(answer, Err(SqlError::Memory)), "{answer:?}");
    for text in [
        "SELECT lag(origin, 1, 'a text that is longer than any value') OVER (ORDER BY trips) FROM od",
        "SELECT max('a' || origin) OVER () FROM od",
        "SELECT first_value(trips) IGNORE NULLS OVER (ORDER BY trips) FROM od",
        "SELECT lag(trips, 500000) IGNORE NULLS OVER (ORDER BY trips) FROM od",
        "SELECT approx_distinct(trips) OVER (ORDER BY trips) FROM od",
    ] {
        let error = refused(text).await;
        let ours = matches!(error, SqlError::Refused { .. });
        assert!(ours, "{text}: {error:?}");
    }
    let text = "SELECT lag(origin, 1, 'none') OVER (ORDER BY trips) FROM od";
    assert!(asked(text, BOUNDS).await.is_ok());
}

/// Found by a review: the trips that begin in one zone could not be put beside all.
#[tokio::test]
async fn a_text_that_a_window_compares_is_not_brought_into_it() {
    let zone = "'Helsinki keskusta'";
    for compared in [
        format!("origin = {zone}"),
        format!("{zone} <> origin"),
        format!("origin IN ('z1', {zone})"),
        format!("origin BETWEEN {zone} AND 'z'"),
        "origin LIKE 'Helsinki keskus%'".to_owned(),
        "origin ~ '^Helsinki keskus'".to_owned(),
        format!("origin IS DISTINCT FROM {zone}"),
        format!("origin = CAST({zone} AS VARCHAR)"),
    ] {
        let text = format!("SELECT sum(CASE WHEN {compared} THEN trips END) OVER () FROM od");
        let answer = asked(&text, BOUNDS).await;
        assert!(answer.is_ok(), "{text}: {answer:?}");
    }
    for brought in [
        format!("CASE WHEN origin = 'z1' THEN {zone} END"),
        format!("coalesce(origin, {zone}) = origin"),
        format!("CASE WHEN trips > 5 THEN {zone} END = 'z1'"),
        "origin || 'x' = 'z1x'".to_owned(),
        // Found by a review: what is looked for becomes a column of as many rows.
        format!("{zone} IN (lower(origin), upper(origin))"),
    ] {
        let text = format!("SELECT max({brought}) OVER () FROM od");
        let error = refused(&text).await;
        let ours = matches!(error, SqlError::Refused { .. });
        assert!(ours, "{text}: {error:?}");
    }
}

/// Found by a review: a window hands all its rows on at once, and the join behind it went through the pairs of all of them
/// before it looked at the clock.
#[tokio::test]
async fn a_join_of_a_window_is_stopped_when_its_time_is_up() {
    let bounds = Bounds {
        time: Duration::from_millis(200),
        memory_bytes: 64 << 20,
        ..BOUNDS
    };
    let window = "(SELECT a.trips AS x, max(b.trips) OVER () AS s FROM od a, od b)";
    let text = format!("SELECT count(*) FROM {window} p JOIN {window} q ON p.x + q.s < -1");
    let answer = of(tables(150), &text, bounds).await;
    assert!(matches!(answer, Err(SqlError::Time { .. })), "{answer:?}");
}

/// Few rows on both sides, and a filter that takes long.
#[tokio::test]
async fn a_filter_of_a_join_looks_at_the_clock() {
    let bounds = Bounds {
        time: Duration::from_millis(100),
        read_bytes: 64 << 20,
        memory_bytes: 64 << 20,
        ..BOUNDS
    };
    let longer = "CASE WHEN p.trips > q.trips THEN p.origin ELSE q.origin END";
    for join in ["ON", "ON p.trips % 2 = q.trips % 2 AND"] {
        let text = format!("SELECT count(*) FROM od p JOIN od q {join} {longer} ~ '[ab]+[cd]'");
        let answer = of(long_texts(250, 20_000), &text, bounds).await;
        assert!(matches!(answer, Err(SqlError::Time { .. })), "{answer:?}");
    }
}

/// Found by a review: of a pattern in a column a machine was made for each row, and all of them were kept.
#[tokio::test]
async fn a_pattern_is_short_and_stands_in_the_statement() {
    let many = vec!["origin ~ 'z1'"; 17].join(" OR ");
    let long = format!("origin LIKE '{}'", "_".repeat(300));
    for filter in [
        r"origin ~ (CAST(trips AS VARCHAR) || '\pL{200}')",
        "origin ~ origin",
        "origin ~* origin",
        "origin !~ origin",
        "origin !~* origin",
        "origin SIMILAR TO origin",
        "origin LIKE origin",
        "origin LIKE lower('A%')",
        "origin NOT ILIKE origin",
        "'z1' LIKE origin",
        "origin ~~ origin",
        r"origin ~ '\pL{200}'",
        r"origin SIMILAR TO '\pL{200}'",
        "EXISTS (SELECT 1 FROM presence p WHERE od.origin ~ p.origin)",
        &many,
        &long,
    ] {
        // Not run, whatever comes of it: it would take the machine's memory.
        let text = format!("SELECT count(*) FROM od WHERE {filter}");
        let planned = Statement::new(tables(10), &text, BOUNDS).await;
        let ours = matches!(planned, Err(SqlError::Refused { .. }));
        assert!(ours, "{text}: {:?}", planned.err());
    }
    for filter in [
        r"origin ~ '^z\d+$'",
        "origin !~* '^Z[0-3]|stadt'",
        "origin SIMILAR TO 'z(1|2)'",
        r"origin ~ '\w+-\w+-\w+'",
        "origin LIKE 'z%' AND origin NOT ILIKE '_5'",
        "origin LIKE NULL",
    ] {
        let text = format!("SELECT count(*) FROM od WHERE {filter}");
        let answer = asked(&text, BOUNDS).await;
        assert!(answer.is_ok(), "{text}: {answer:?}");
    }
}

/// Found by a review: columns that share an array cost the engine little, and each was copied before the first was sent.
#[tokio::test]
async fn an_answer_is_handed_on_in_small_parts_and_bounded_in_bytes() {
    let columns = |n: usize, of: &str| {
        let columns: Vec<_> = (0..n).map(|n| format!("{of} AS c{n}")).collect();
        format!("SELECT {} FROM od", columns.join(", "))
    };
    let wide = columns(400, "origin");
    let answer = of(long_texts(1_000, 900), &wide, BOUNDS).await;
    let limit = BOUNDS.answer_bytes;
    assert!(matches!(answer, Err(SqlError::Bytes { limit: l }) if l == limit));
    let more = Bounds {
        answer_bytes: 1 << 30,
        ..BOUNDS
    };
    let answer = of(long_texts(1_000, 900), &wide, more).await;
    let limit = BOUNDS.row_bytes;
    assert!(matches!(answer, Err(SqlError::Row { limit: l }) if l == limit));
    // Of a dictionary all words are sent with the first of its rows.
    let words: DictionaryArray<Int32Type> = vec!["w".repeat(5_000).as_str()].into_iter().collect();
    let words = RecordBatch::try_from_iter([("origin", Arc::new(words) as _)]).unwrap();
    let words: Arc<dyn Tables> = Arc::new(Two([("od", words)].into()));
    let answer = of(Arc::clone(&words), &columns(20, "origin"), more).await;
    assert!(matches!(answer, Err(SqlError::Row { limit: l }) if l == limit));
    assert!(of(words, &columns(10, "origin"), more).await.is_ok());
    for column in ["origin", "CAST(origin AS VARCHAR)"] {
        let answer = of(long_texts(1_000, 900), &columns(20, column), more).await;
        let answer = answer.unwrap();
        let rows: usize = answer.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(rows, 1_000);
        let of_part = |part: &RecordBatch| {
            let columns = part.columns().iter().map(|c| c.to_data());
            let bytes: usize = columns.map(|c| sent(&c)).sum();
            bytes
        };
        let largest = answer.iter().map(of_part).max().unwrap();
        assert!(largest <= 260 << 10, "{column}: {largest} bytes");
    }
}

/// Bytes of an array as it is sent: of a view all that it points into.
fn sent(column: &arrow::array::ArrayData) -> usize {
    let own = column.get_slice_memory_size().unwrap();
    let views = column.buffers().iter().skip(1);
    match column.data_type() {
        arrow::datatypes::DataType::Utf8View => own + views.map(|b| b.len()).sum::<usize>(),
        _ => own,
    }
}

/// A caller's tables that cannot be read.
#[derive(Debug)]
struct Unread(Arc<dyn Tables>);

impl Tables for Unread {
    fn schemas(&self) -> Vec<String> {
        self.0.schemas()
    }

    fn default_schema(&self) -> String {
        self.0.default_schema()
    }

    fn tables(&self, schema: &str) -> Vec<String> {
        self.0.tables(schema)
    }

    fn columns(&self, schema: &str, table: &str) -> Result<Option<SchemaRef>, SqlError> {
        self.0.columns(schema, table)
    }

    fn load<'a>(
        &'a self,
        _schema: &'a str,
        _table: &'a str,
    ) -> BoxFuture<'a, Result<Option<Loaded>, SqlError>> {
        let why = "it was read".to_owned();
        async move { Err(SqlError::Tables { why }) }.boxed()
    }
}

/// Found by a review: to list the columns of one table the rows of all of them were loaded, twice.
#[tokio::test]
async fn columns_are_told_without_reading_rows() {
    let unread = || Arc::new(Unread(tables(10)));
    for text in [
        "SHOW COLUMNS FROM od",
        "DESCRIBE od",
        "SHOW TABLES",
        "SELECT count(*) FROM information_schema.columns WHERE table_name = 'od'",
    ] {
        let answer = of(unread(), text, BOUNDS).await;
        assert!(answer.is_ok_and(|rows| !rows.is_empty()), "{text}");
    }
    let text = "SELECT a.trips FROM od a, od b";
    let planned = Statement::new(unread(), text, BOUNDS).await.unwrap();
    assert_eq!(planned.schema().field(0).name(), "trips");
    let read = planned.run().await.err();
    assert!(matches!(read, Some(SqlError::Tables { .. })), "{read:?}");
    // Both of them read the same rows, which count once.
    let once = Bounds {
        read_bytes: 15_000,
        ..BOUNDS
    };
    let answer = of(tables(500), text.trim_end_matches(", od b"), once).await;
    assert!(answer.is_ok(), "{answer:?}");
    let text = "SELECT count(*) FROM od a, released.od b";
    let answer = of(tables(500), text, once).await;
    assert!(answer.is_ok(), "{answer:?}");
}
