//! Readers of a released table who stop reading, over gRPC and over Flight: they are cut, keep their own places only,
//! and what they read after is not taken for a whole table.

use std::time::Duration;

use arrow_flight::Ticket;
use arrow_flight::flight_service_client::FlightServiceClient;
use broker::limits::{FETCHES_PER_ORG_MAX, Times};
use futures::TryStreamExt;
use futures::future::join_all;
use policies::id::{ReleaseKey, Role};
use proto::convert::key_to_ticket;
use proto::v1;
use proto::v1::release_service_client::ReleaseServiceClient;
use sdk::client::Answered;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use crate::harness::*;
use crate::opening::*;
use crate::raw::{channel, endpoint, with_token};

/// Zones of the town: their pairs fill a table of some megabytes.
const ZONES: usize = 100;
const BINS: [u8; 4] = [0, 6, 12, 18];
const DAY: &str = "2026-10-05";

/// A town with one released table that no reader's window holds.
struct Large {
    town: Town,
    bikes: Member,
    city: Member,
    key: ReleaseKey,
}

impl Large {
    async fn new() -> Self {
        let town = Town::new().await;
        let bikes = town.join("bikes", Role::Provider).await;
        let city = town.join("city", Role::Planner).await;
        let ids: Vec<&'static str> = (0..ZONES).map(|n| &*format!("z{n:03}").leak()).collect();
        let geojson = row_of_squares(&ids);
        let steward = town.member("steward").await;
        let zoning = "town-2026".parse().unwrap();
        let added = steward.client.add_zoning(zoning, geojson.clone().into());
        added.await.unwrap();
        let mut terms = agreement(&bikes, &city, &geojson);
        terms.zonings[0].zones = u32::try_from(ZONES).unwrap();
        terms.tables[0].bins = BINS.to_vec().try_into().unwrap();
        let id = activate(&bikes, &city, &terms).await;
        let mut rows = Vec::new();
        for from in &ids {
            for to in &ids {
                rows.extend(
                    (0_u8..)
                        .zip(BINS)
                        .map(|(bin, _)| (*from, *to, bin, 500, 700)),
                );
            }
        }
        let sent = &[cells(&terms, &rows)];
        let day = push(&id, DAY);
        bikes.client.push(&day, sent, |_| {}).await.unwrap();
        let Answered::Released(released) =
            city.client.request(&wish(&id, "od", DAY)).await.unwrap()
        else {
            panic!("refused")
        };
        Self {
            town,
            bikes,
            city,
            key: released.what,
        }
    }

    /// The same town with other bounds in time.
    async fn within(times: Times) -> Self {
        let mut large = Self::new().await;
        large.town.stop().await;
        large.town.times = times;
        large.town.start().await;
        large.bikes = large.town.member("bikes").await;
        large.city = large.town.member("city").await;
        large
    }
}

/// A fetch of which the first part was read, by one of the two ways there are.
enum Begun {
    Grpc(Streaming<v1::GetReleaseResponse>),
    Flight(Streaming<arrow_flight::FlightData>),
}

#[derive(Debug, Clone, Copy)]
enum Way {
    Grpc,
    Flight,
}

impl Way {
    async fn begin(
        self,
        member: &Member,
        channel: &Channel,
        key: &ReleaseKey,
    ) -> Result<Begun, Status> {
        let channel = channel.clone();
        Ok(match self {
            Self::Grpc => {
                let asked = with_token(member, key.clone().into());
                let mut releases = ReleaseServiceClient::new(channel);
                let mut parts = releases.get_release(asked).await?.into_inner();
                parts.message().await?.unwrap();
                Begun::Grpc(parts)
            }
            Self::Flight => {
                let ticket = key_to_ticket(key.clone()).into();
                let asked = with_token(member, Ticket { ticket });
                let mut flight = FlightServiceClient::new(channel);
                let mut parts = flight.do_get(asked).await?.into_inner();
                parts.message().await?.unwrap();
                Begun::Flight(parts)
            }
        })
    }
}

impl Begun {
    /// Reads on to the end: how many parts there were.
    async fn rest(self) -> Result<usize, Status> {
        match self {
            Self::Grpc(parts) => parts.try_fold(0, async |n, _| Ok(n + 1)).await,
            Self::Flight(parts) => parts.try_fold(0, async |n, _| Ok(n + 1)).await,
        }
    }
}

/// Takes 64 KiB of an answer ahead of its reader, and no more.
async fn narrow_channel(member: &Member) -> Channel {
    let narrow = endpoint(member).initial_stream_window_size(64 << 10);
    narrow.connect().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_of_a_table_who_stop_keep_their_own_places_only() {
    let Large {
        town: _town,
        bikes,
        city,
        key,
    } = Large::new().await;
    for way in [Way::Grpc, Way::Flight] {
        let narrow = narrow_channel(&city).await;
        let all = (0..FETCHES_PER_ORG_MAX).map(|_| way.begin(&city, &narrow, &key));
        let all: Result<Vec<_>, Status> = join_all(all).await.into_iter().collect();
        let mut all = all.unwrap();
        for other in [Way::Grpc, Way::Flight] {
            let shed = other.begin(&city, &narrow, &key).await.err().unwrap();
            assert_eq!(shed.code(), Code::ResourceExhausted, "{way:?}, {other:?}");
        }
        // Calls that hold no table go on, and so does every other organisation.
        assert!(city.client.zonings().await.is_ok(), "{way:?}");
        bikes.client.fetch(&key).await.unwrap();
        // Who reads on in time has all of it, and who hangs up gives the place back.
        assert!(all.pop().unwrap().rest().await.unwrap() > 1);
        drop(all);
        city.client.fetch(&key).await.unwrap();
    }
}

/// Whether by the time of a part or by that of the whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_a_table_who_stops_is_cut_and_has_no_whole_table() {
    cut_within(Times {
        reader: Duration::from_secs(1),
        ..Times::default()
    })
    .await;
    // One who reads on has the whole in that time.
    cut_within(Times {
        fetch: Duration::from_secs(5),
        reader: Duration::from_secs(3600),
        ..Times::default()
    })
    .await;
}

async fn cut_within(times: Times) {
    let Large {
        town: _town,
        bikes,
        city,
        key,
    } = Large::within(times).await;
    for way in [Way::Grpc, Way::Flight] {
        let whole = way.begin(&bikes, &channel(&bikes).await, &key).await;
        let whole = whole.unwrap().rest().await.unwrap();
        let narrow = narrow_channel(&city).await;
        let all = (0..FETCHES_PER_ORG_MAX).map(|_| way.begin(&city, &narrow, &key));
        let all: Result<Vec<_>, Status> = join_all(all).await.into_iter().collect();
        let all = all.unwrap();
        // They are all still there, and read nothing: only the cut gives places back.
        until("a place is free", async || {
            let begun = way.begin(&city, &narrow, &key).await;
            begun.is_ok().then_some(())
        })
        .await;
        // Those that began last may just have their time still.
        let mut cut = 0;
        for begun in all {
            match begun.rest().await {
                Ok(parts) => assert_eq!(parts, whole, "{way:?}: what was cut looks whole"),
                Err(status) => {
                    assert_eq!(status.code(), Code::ResourceExhausted, "{way:?}: {status}");
                    assert!(status.message().contains("not taken in time"), "{status}");
                    cut += 1;
                }
            }
        }
        assert!(
            cut > 0,
            "{way:?}: a place was given back, and nobody was cut"
        );
    }
}
