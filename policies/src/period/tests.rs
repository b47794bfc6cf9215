#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::*;

#[test]
fn a_period_has_one_spelling() {
    for text in ["2023-10-05", "2023-W40", "2020-W53", "2023-10"] {
        assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
    }
    for text in [
        "2023", "2023-W54", "2021-W53", "2023-13", "2023-2-1", "20231005", "2023-W4", "",
    ] {
        assert!(text.parse::<Period>().is_err(), "`{text}` was taken");
    }
}

#[test]
fn a_day_of_25_hours_ends_at_local_midnight() {
    let zone = Zone::try_from("Europe/Helsinki".to_owned()).unwrap();
    let day: Period = "2023-10-29".parse().unwrap();
    let before: Period = "2023-10-28".parse().unwrap();
    let hours = day
        .ends_at(&zone)
        .unwrap()
        .duration_since(before.ends_at(&zone).unwrap());
    assert_eq!(hours.as_hours(), 25);
}

#[test]
fn bins_cover_the_day_once() {
    let bins = DayBins::try_from(vec![0, 7, 9, 16, 18]).unwrap();
    let of: Vec<u8> = (0..24).map(|hour| bins.of_hour(hour)).collect();
    assert!(of.is_sorted() && of.first() == Some(&0) && of.last() == Some(&4));
    assert_eq!(bins.label(1).unwrap(), "07-09");
    assert_eq!(bins.label(4).unwrap(), "18-24");
    for starts in [vec![], vec![1], vec![0, 24], vec![0, 9, 7], vec![0, 7, 7]] {
        assert!(DayBins::try_from(starts).is_err());
    }
}

#[test]
fn a_zone_has_one_spelling() {
    for name in ["Europe/Helsinki", "America/New_York", "UTC"] {
        assert_eq!(Zone::try_from(name.to_owned()).unwrap().name(), name);
    }
    for name in [
        "europe/helsinki",
        "Europe/Atlantis",
        "Etc/Unknown",
        "+02:00",
        "EET-2",
        "",
    ] {
        assert!(
            Zone::try_from(name.to_owned()).is_err(),
            "`{name}` was taken"
        );
    }
}

#[test]
fn at_the_calendars_ends_periods_are_cut_and_never_panic() {
    let december: Period = "9999-12".parse().unwrap();
    assert_eq!((december.days().len(), december.last()), (31, Date::MAX));
    assert_eq!(december.parts(Grain::Day).unwrap().len(), 31);
    let last: Period = "9999-12-31".parse().unwrap();
    assert_eq!(last.days(), [Date::MAX]);
    let utc = Zone::try_from("UTC".to_owned()).unwrap();
    for period in [
        december,
        last,
        Period::holding(Date::MAX, Grain::Week).unwrap(),
    ] {
        assert_eq!(period.next(), Err(PeriodError::Calendar));
        assert_eq!(period.ends_at(&utc), Err(PeriodError::Calendar));
        assert!(!period.days().is_empty());
    }
    let first = Period::holding(Date::MIN, Grain::Day).unwrap();
    assert_eq!(first.previous(), Err(PeriodError::Calendar));
    for grain in [Grain::Day, Grain::Week, Grain::Month] {
        for date in [Date::MIN, Date::MAX, Date::ZERO] {
            let Ok(period) = Period::holding(date, grain) else {
                continue;
            };
            assert!(period.days().contains(&date) && period.days().len() <= 31);
            let _ = (
                period.to_string().parse::<Period>(),
                period.previous(),
                period.parts(grain),
            );
        }
    }
}

#[test]
fn the_period_before_is_followed_by_this_one() {
    for text in ["2024-03-01", "2021-W01", "2024-01"] {
        let period: Period = text.parse().unwrap();
        let previous = period.previous().unwrap();
        assert_eq!(previous.next().unwrap(), period);
        assert_eq!(previous.last().tomorrow().unwrap(), period.first());
    }
}
