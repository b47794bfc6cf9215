//! Answers as an oracle: what is refused, in which words, and how large an answer is depends on public state
//! and on what is published, never on what is withheld.

use arrow_flight::Ticket;
use arrow_flight::flight_service_client::FlightServiceClient;
use futures::TryStreamExt;
use policies::agreement::Agreement;
use prost::Message;
use proto::convert::{Wish, key_to_ticket};
use proto::v1::release_service_client::ReleaseServiceClient;
use sdk::client::{Answered, ClientError};

use crate::city::{City, DAY};
use crate::raw::{channel, with_token};

/// Inputs of which nothing can be published, from one person to thousands of cells just below k.
const NOTHING: [(usize, u64); 4] = [(1, 1), (1, 4), (50, 4), (5_000, 4)];

/// A city in which so many cells of so many people were contributed.
async fn city(cells: usize, people: u64) -> (City, Agreement, Wish) {
    let city = City::new().await;
    let terms = city.terms();
    let id = city.activate(&terms).await;
    city.push(&terms, DAY, None, &vec![(people, people); cells])
        .await;
    let wish = city.wish(&id, "od", DAY);
    (city, terms, wish)
}

/// Everything a planner may try that ends in a refusal or an error, as it is told.
async fn refusals(city: &City, wish: &Wish) -> Vec<String> {
    let wrong: [fn(&mut Wish); 5] = [
        |w| w.purpose = "dpv:Marketing".into(),
        |w| w.period = "2026-10-06".parse().unwrap(),
        |w| w.period = "2026-10".parse().unwrap(),
        |w| w.period = "2026-11-20".parse().unwrap(),
        |w| w.table = "other".parse().unwrap(),
    ];
    let mut told = Vec::new();
    for change in wrong {
        let mut wish = Wish {
            request: sdk::client::new_request_id().unwrap(),
            ..wish.clone()
        };
        change(&mut wish);
        told.push(match city.planner.client.request(&wish).await {
            Ok(Answered::Refused(refusal)) => format!("{refusal}"),
            Ok(Answered::Released(_)) => panic!("released"),
            Err(ClientError::Status { code, message, .. }) => format!("{code:?} {message}"),
            Err(error) => panic!("{error}"),
        });
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_nothing_are_alike_whatever_was_withheld() {
    let mut seen = Vec::new();
    for (cells, people) in NOTHING {
        let (city, terms, wish) = city(cells, people).await;
        let before = refusals(&city, &wish).await;
        let (client, periods) = (&city.planner.client, [wish.period]);
        let preview = client
            .preview(&wish.agreement, &wish.table, &periods)
            .await
            .unwrap();
        let Answered::Released(released) = city.planner.client.request(&wish).await.unwrap() else {
            panic!("refused")
        };
        let table = city.planner.client.fetch(&released.what).await.unwrap();
        let sheet: privacy::quality::QualitySheet =
            serde_json::from_slice(table.quality_sheet()).unwrap();
        assert_eq!(sheet.published_keys, 0);
        // Ids and keys are digests of one length; all else has to be the same to the byte.
        let id = terms.id().unwrap().to_string();
        let same = |text: String| {
            text.replace(&id, "agreement")
                .replace(&released.what.to_string(), "release")
        };
        let sheet = same(String::from_utf8(table.quality_sheet().to_vec()).unwrap());
        let after = refusals(&city, &wish).await;
        let told = format!(
            "{before:?} {after:?} {:?}",
            (preview.domain_keys, &preview.protection)
        );
        seen.push((table.bytes().len(), sheet, same(told)));
    }
    for other in &seen[1..] {
        assert_eq!(other, &seen[0], "an answer depends on what was withheld");
    }
}

/// Bytes of every message of one answer, as they cross the wire.
type Sizes = Vec<usize>;

/// What a wiretap sees of a release and of its table, message by message, and a thief of the disk of what is stored.
async fn sizes(city: &City, wish: &Wish) -> [Sizes; 3] {
    let stored = || {
        let blobs = std::fs::read_dir(city.town.config.state.join("blobs")).unwrap();
        let files = blobs.map(|file| file.unwrap());
        let files = files.map(|file| (file.file_name(), file.metadata().unwrap().len() as usize));
        files.collect::<std::collections::BTreeMap<_, _>>()
    };
    let before = stored();
    let channel = channel(&city.planner).await;
    let request = with_token(&city.planner, wish.clone().into());
    let answer = ReleaseServiceClient::new(channel.clone())
        .request_release(request)
        .await
        .unwrap();
    let Answered::Released(released) = city.planner.client.request(wish).await.unwrap() else {
        panic!("refused")
    };
    let ticket = Ticket {
        ticket: key_to_ticket(released.what.clone()).into(),
    };
    let flight = FlightServiceClient::new(channel)
        .do_get(with_token(&city.planner, ticket))
        .await;
    let messages: Vec<_> = flight.unwrap().into_inner().try_collect().await.unwrap();
    let mut after = stored();
    after.retain(|file, _| !before.contains_key(file));
    [
        vec![answer.into_inner().encoded_len()],
        messages.iter().map(Message::encoded_len).collect(),
        after.into_values().collect(),
    ]
}

/// Whatever else was contributed, the same published rows are answered in messages of the same sizes, and are stored in
/// as many bytes.
#[tokio::test(flavor = "multi_thread")]
async fn sizes_are_those_of_what_is_published() {
    let mut seen = Vec::new();
    for withheld in [0, 1, 50, 20_000] {
        let city = City::new().await;
        let terms = city.terms();
        let id = city.activate(&terms).await;
        let mut cells = vec![(1_000, 1_000); 300];
        cells.resize(cells.len() + withheld, (4, 4));
        city.push(&terms, DAY, None, &cells).await;
        let sizes = sizes(&city, &city.wish(&id, "od", DAY)).await;
        println!("{withheld} withheld: answer, Flight messages, blobs {sizes:?}");
        assert!(
            sizes[1].iter().sum::<usize>() > 300 * 8 * 4,
            "300 rows travel"
        );
        seen.push(sizes);
    }
    for other in &seen[1..] {
        assert_eq!(other, &seen[0], "a size depends on what was withheld");
    }
}

/// Not even the name of a withheld cell's zone travels with a table, in no dictionary and no statistic.
#[tokio::test(flavor = "multi_thread")]
async fn no_byte_of_a_table_names_a_withheld_cell() {
    use crate::city::{BINS, ZONES, zone};
    let city = City::new().await;
    let terms = city.terms();
    let id = city.activate(&terms).await;
    // z000 → z001 is published, z099 → z100 and z101 → z102 are not.
    let mut cells = vec![(0, 0); 102 * ZONES * BINS];
    for (from, to, people) in [(0, 1, 1_000), (99, 100, 4), (101, 102, 1)] {
        cells[(from * ZONES + to) * BINS] = (people, people);
    }
    city.push(&terms, DAY, None, &cells).await;
    let wish = city.wish(&id, "od", DAY);
    let Answered::Released(released) = city.planner.client.request(&wish).await.unwrap() else {
        panic!("refused")
    };
    let table = city.planner.client.fetch(&released.what).await.unwrap();
    let names = |n: usize| {
        table
            .bytes()
            .windows(4)
            .any(|bytes| bytes == zone(n).as_bytes())
    };
    assert!(
        names(0) && names(1),
        "zones of a published row are in the bytes as they are"
    );
    let told: Vec<usize> = (2..ZONES).filter(|n| names(*n)).collect();
    assert!(told.is_empty(), "zones of withheld cells: {told:?}");
}
