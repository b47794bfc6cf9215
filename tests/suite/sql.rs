//! SQL over released tables: what a planner asks, and what nobody can reach with it.

mod names;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::util::pretty::pretty_format_batches;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::sql::{CommandGetDbSchemas, CommandGetTables, SqlInfo};
use arrow_flight::{FlightDescriptor, Ticket};
use futures::TryStreamExt;
use policies::id::{AgreementId, Role};
use sdk::client::{Answered, Client, ClientError};
use tonic::Code;

use crate::harness::*;
use crate::opening::*;
use crate::raw::{self, channel, with_token};

pub async fn ask(client: &Client, statement: &str) -> Result<Vec<RecordBatch>, ClientError> {
    let mut rows = client.sql(statement).await?;
    let mut all = Vec::new();
    while let Some(batch) = rows.next().await {
        all.push(batch?);
    }
    Ok(all)
}

async fn shown(client: &Client, statement: &str) -> String {
    let rows = ask(client, statement).await.unwrap();
    pretty_format_batches(&rows).unwrap().to_string()
}

async fn code(client: &Client, statement: &str) -> Code {
    match ask(client, statement).await {
        Err(ClientError::Status { code, .. }) => code,
        other => panic!("{statement}: {other:?}"),
    }
}

/// A town in which a planner has the releases of two days.
struct Asked {
    town: Town,
    bikes: Member,
    city: Member,
    schema: String,
}

impl Asked {
    async fn new() -> Self {
        let town = Town::new().await;
        let bikes = town.join("bikes", Role::Provider).await;
        let city = town.join("city", Role::Planner).await;
        let (_, geojson) = town.zoning().await;
        let terms = agreement(&bikes, &city, &geojson);
        let id = activate(&bikes, &city, &terms).await;
        for period in ["2026-10-05", "2026-10-06"] {
            let pushed = push(&id, period);
            let cells = cells(&terms, &ROWS);
            bikes.client.push(&pushed, &[cells], |_| {}).await.unwrap();
            let answered = city.client.request(&wish(&id, "od", period)).await.unwrap();
            assert!(matches!(answered, Answered::Released(_)));
        }
        let schema = schema_of(&id);
        Self {
            town,
            bikes,
            city,
            schema,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn planners_ask_about_all_periods_of_a_table_at_once() {
    let asked = Asked::new().await;
    let Asked { city, schema, .. } = &asked;
    let days = "SELECT period, count(*) > 0 AS any FROM od GROUP BY period, period_start ORDER BY period_start";
    let found = shown(&city.client, days).await;
    assert!(found.contains("| 2026-10-05 | true |"), "{found}");
    assert!(found.contains("| 2026-10-06 | true |"), "{found}");
    let both = format!(
        "SELECT (SELECT sum(trips) FROM {schema}.od) - (SELECT sum(trips) FROM weir.released.od) AS none"
    );
    let rows = ask(&city.client, &both).await.unwrap();
    assert_eq!(rows[0].column(0).as_primitive::<Int64Type>().value(0), 0);
    let list = "SELECT table_name, period, edition FROM releases ORDER BY period";
    let found = shown(&city.client, list).await;
    assert!(
        found.contains("| od         | 2026-10-06 | 1       |"),
        "{found}"
    );
}

fn schema_of(id: &AgreementId) -> String {
    let digits: String = id.to_string().chars().take(12).collect();
    format!("agreement_{digits}")
}

/// What a statement adds up is what was fetched and verified by receipt.
#[tokio::test(flavor = "multi_thread")]
async fn statements_see_the_very_rows_that_were_released() {
    let asked = Asked::new().await;
    let Asked { city, .. } = &asked;
    let keys = ask(&city.client, "SELECT release_key FROM releases")
        .await
        .unwrap();
    let keys = keys[0].column(0).as_string::<i32>().clone();
    let mut trips = 0;
    for key in keys.iter().flatten() {
        let table = city.client.fetch(&key.parse().unwrap()).await.unwrap();
        trips += rows(&table).iter().map(|row| row.4).sum::<i64>();
    }
    let sum = ask(&city.client, "SELECT sum(trips) FROM od")
        .await
        .unwrap();
    assert_eq!(sum[0].column(0).as_primitive::<Int64Type>().value(0), trips);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reads_or_names_anothers_tables() {
    let Asked {
        town,
        bikes,
        schema,
        ..
    } = Asked::new().await;
    let other = town.join("other", Role::Planner).await;
    let foreign = format!("SELECT * FROM {schema}.od");
    assert_eq!(code(&other.client, &foreign).await, Code::InvalidArgument);
    assert_eq!(
        code(&other.client, "SELECT * FROM od").await,
        Code::InvalidArgument
    );
    for listing in [
        "SELECT count(*) FROM releases",
        "SELECT count(*) FROM information_schema.tables WHERE table_name = 'od'",
        "SELECT count(*) FROM information_schema.columns WHERE table_name = 'od'",
    ] {
        let rows = ask(&other.client, listing).await.unwrap();
        assert_eq!(
            rows[0].column(0).as_primitive::<Int64Type>().value(0),
            0,
            "{listing}"
        );
    }
    // The provider may fetch what is released of its data, so it may ask about it; cells are nowhere.
    let names = shown(&bikes.client, "SHOW TABLES").await;
    assert!(
        names.contains(&schema) && !names.contains("cells"),
        "{names}"
    );
    let auditor = town.join("ombudsman", Role::Auditor).await;
    assert_eq!(
        code(&auditor.client, "SELECT 1").await,
        Code::PermissionDenied
    );
}

/// Files, writing, settings, other sessions, work without end: one clear status each, and the next call goes on.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_statements_are_refused_and_disturb_nobody() {
    let asked = Asked::new().await;
    let Asked { city, .. } = &asked;
    for statement in [
        "SELECT * FROM '/etc/passwd'",
        "COPY od TO '/tmp/weir-suite-sql.csv'",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "DROP TABLE od",
        "SET datafusion.execution.batch_size = 1",
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT * FROM n",
        "SELECT repeat('a', 2000000000)",
        "SELECT",
    ] {
        assert_eq!(
            code(&city.client, statement).await,
            Code::InvalidArgument,
            "{statement}"
        );
    }
    let long = format!("SELECT 1 -- {}", "x".repeat(20_000));
    assert_eq!(code(&city.client, &long).await, Code::InvalidArgument);
    assert!(ask(&city.client, "SELECT count(*) FROM od").await.is_ok());
}

fn joined(count: usize) -> String {
    let all: Vec<_> = (0..count).map(|n| format!("od AS t{n}")).collect();
    all.join(", ")
}

/// A statement that would run for years is stopped with one refusal, gives its place back, and nobody else waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_over_its_time_is_stopped_and_gives_its_place_back() {
    let mut asked = Asked::new().await;
    asked.town.stop().await;
    asked.town.times.statement = std::time::Duration::from_secs(2);
    asked.town.start().await;
    let city = asked.town.member("city").await;
    let bikes = asked.town.member("bikes").await;
    // Six rows each: 6 to the 20th rows to look at, and not one to hand on.
    let endless = format!(
        "SELECT count(*) FROM {} WHERE t0.trips + t19.trips < -1000000",
        joined(20)
    );
    let refused = async {
        let error = ask(&city.client, &endless).await.unwrap_err();
        let free = ask(&city.client, "SELECT 1").await;
        (error, free)
    };
    let others = async {
        let mut answers = 0;
        for _ in 0..5 {
            answers += usize::from(ask(&bikes.client, "SELECT count(*) FROM od").await.is_ok());
        }
        answers
    };
    let (first, second, answers) = tokio::join!(refused, ask(&city.client, &endless), others);
    assert_eq!(answers, 5, "another organisation waits for it");
    for error in [first.0, second.unwrap_err()] {
        let ClientError::Status { code, message, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(*code, Code::ResourceExhausted);
        assert!(
            message.contains("it took over 2 s: ask for less"),
            "{message}"
        );
    }
    assert!(first.1.is_ok(), "its place is not free: {:?}", first.1);
}

/// A reader that stops reading keeps its two places and nothing else: others are served.
#[tokio::test(flavor = "multi_thread")]
async fn readers_that_stop_keep_their_own_places_only() {
    let asked = Asked::new().await;
    let Asked { bikes, city, .. } = &asked;
    let many = format!("SELECT t0.*, t1.*, t2.* FROM {} LIMIT 900000", joined(8));
    let first = city.client.sql(&many).await.unwrap();
    let second = city.client.sql(&many).await.unwrap();
    assert_eq!(
        code(&city.client, "SELECT 1").await,
        Code::ResourceExhausted
    );
    assert!(ask(&bikes.client, "SELECT count(*) FROM od").await.is_ok());
    drop((first, second));
    // The broker sees that they are gone, and gives the places back.
    let again = async {
        while ask(&city.client, "SELECT 1").await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), again)
        .await
        .unwrap();
}

/// What drivers ask before they show a tree of tables, by somebody else's client.
#[tokio::test(flavor = "multi_thread")]
async fn drivers_list_prepare_and_run() {
    let asked = Asked::new().await;
    let Asked { city, schema, .. } = &asked;
    let mut driver = FlightSqlServiceClient::new(channel(city).await);
    driver.set_token(raw::token(city));
    let schemas = driver
        .get_db_schemas(CommandGetDbSchemas::default())
        .await
        .unwrap();
    let listed = fetched(&mut driver, schemas).await;
    assert!(
        listed.contains(schema) && listed.contains("released"),
        "{listed}"
    );
    let all = CommandGetTables {
        include_schema: true,
        ..CommandGetTables::default()
    };
    let tables = driver.get_tables(all).await.unwrap();
    assert!(fetched(&mut driver, tables).await.contains("| od "));
    let info = driver
        .get_sql_info(vec![SqlInfo::FlightSqlServerReadOnly])
        .await
        .unwrap();
    fetched(&mut driver, info).await;
    let mut prepared = driver
        .prepare("SELECT count(*) AS n FROM od".into(), None)
        .await
        .unwrap();
    assert_eq!(prepared.dataset_schema().unwrap().field(0).name(), "n");
    let run = prepared.execute().await.unwrap();
    assert!(fetched(&mut driver, run).await.contains("| n "));
    prepared.close().await.unwrap();
    assert!(
        driver
            .execute_update("DELETE FROM od".into(), None)
            .await
            .is_err()
    );
}

async fn fetched(
    driver: &mut FlightSqlServiceClient<tonic::transport::Channel>,
    info: arrow_flight::FlightInfo,
) -> String {
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    let rows = driver.do_get(ticket).await.unwrap();
    let rows: Vec<RecordBatch> = rows.try_collect().await.unwrap();
    pretty_format_batches(&rows).unwrap().to_string()
}

/// Commands that are none, of every kind of wrong.
#[tokio::test(flavor = "multi_thread")]
async fn commands_that_are_none_are_refused() {
    let asked = Asked::new().await;
    let Asked { city, .. } = &asked;
    let mut flight = FlightServiceClient::new(channel(city).await);
    let of = |type_name: &str, value: &[u8]| {
        let any = arrow_flight::sql::Any {
            type_url: format!("type.googleapis.com/arrow.flight.protocol.sql.{type_name}"),
            value: value.to_vec().into(),
        };
        prost::Message::encode_to_vec(&any)
    };
    for cmd in [
        Vec::new(),
        b"SELECT 1".to_vec(),
        of("CommandStatementQuery", &[0xff; 9]),
        of("CommandStatementUpdate", &[]),
        of("NoSuchCommand", &[]),
        of("TicketStatementQuery", &[0x0a, 0x02, 0xff, 0xfe]),
    ] {
        let asking = with_token(city, FlightDescriptor::new_cmd(cmd.clone()));
        let refused = flight.get_flight_info(asking).await.unwrap_err().code();
        let known = [Code::InvalidArgument, Code::Unimplemented];
        assert!(known.contains(&refused), "{cmd:?}: {refused}");
        let ticket = with_token(city, Ticket { ticket: cmd.into() });
        assert!(flight.do_get(ticket).await.is_err());
    }
}
