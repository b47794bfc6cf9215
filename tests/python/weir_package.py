"""What providers and planners do with our own package, `sdk/python`, and what it refuses to believe.

Run by tests/suite/python.rs, which starts the broker and installs the built wheel. Arguments: the profiles of provider
and planner, the agreement, the log's key.
"""

import pathlib
import sys

import pandas as pd
import weir

DAY = "2026-10-05"
CELLS = [("c", "d", 0, 300, 300), ("a", "b", 0, 500, 700), ("b", "a", 1, 900, 1000), ("a", "c", 0, 4, 4)]
COLUMNS = ["origin", "destination", "start", "contributors", "trips"]


def raises(kind, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except kind as error:
        return error
    raise AssertionError(f"{call.__name__} did not raise {kind.__name__}")


def story(bikes, city, agreement, log_key):
    """push, request, fetch, intervals, verify."""
    cells = pd.DataFrame(CELLS, columns=COLUMNS).assign(mode="bike")
    pushed = bikes.push(agreement, "od", DAY, cells, batch_id="b1", rates={"truncated": "0.0125"})
    assert pushed.proof.body()["table"] == "od" and not pushed.never_released
    assert bikes.push(agreement, "od", DAY, cells, batch_id="b1", rates={"truncated": "0.0125"}).proof.index == pushed.proof.index
    # A day of nobody is contributed, too.
    assert bikes.push(agreement, "od", "2026-10-12", cells[:0]).proof.body()["period"] == "2026-10-12"
    # Where there is nothing yet, the columns are there.
    assert city.releases(agreement)["release_key"].to_list() == []
    release = city.request(agreement, "od", DAY)
    table = city.fetch(release)
    assert table.equals(city.fetch(release.key))
    rows = table.set_index(["origin", "destination", "start"])
    assert ("b", "a", 1) in rows.index and ("a", "c", 0) not in rows.index, table
    for number in ("contributors", "trips"):
        assert (table[f"{number}_low"] < table[number]).all() and (table[number] < table[f"{number}_high"]).all()
    assert abs(rows.loc[("b", "a", 1), "trips"] - 1000) < 200
    sheet = table.attrs["quality"]
    assert sheet["published_keys"] == len(table) and sheet["domain_keys"] - len(table) == sheet["withheld_keys"]
    found = weir.verify(table.attrs["tlog_proof"], log_key)
    assert found.body()["key"] == release.key and found.index == table.attrs["entry"]
    assert list(city.releases(agreement)["release_key"]) == [release.key]
    assert agreement in list(city.agreements()["agreement_id"])
    asked = city.sql("SELECT origin, sum(trips) AS trips FROM od GROUP BY origin ORDER BY origin")
    assert dict(asked.itertuples(index=False)) == table.groupby("origin")["trips"].sum().to_dict()
    placed = city.geo(release)
    assert set(placed.geom_type) == {"LineString"} and placed.attrs["release"] == release.key
    return release.key


def refusals(bikes, city, agreement, log_key):
    """Broker's texts and stable ids, as exceptions."""
    refused = raises(weir.Refused, city.request, agreement, "od", "2027-01-05")
    assert "period.outside_coverage" in refused.ids and "covers" in str(refused), refused
    assert weir.verify(refused.proof.receipt, log_key).body()["kind"] == "release.refused"
    merged = raises(weir.Refused, city.request, agreement, "od", DAY, periods=[DAY, "2026-10-06"], coarsening={"zones": "all"})
    assert "ad_hoc.not_agreed" in merged.ids, merged
    nothing = raises(weir.BrokerError, city.fetch, "0" * 64)
    assert nothing.code == "NOT_FOUND", nothing.code
    outside = raises(weir.BrokerError, city.sql, "COPY od TO '/tmp/weir-package.csv'")
    assert outside.code == "INVALID_ARGUMENT" and "nothing else" in str(outside), outside
    cells = pd.DataFrame(CELLS, columns=COLUMNS).assign(mode="bike")
    twice = raises(weir.BrokerError, bikes.push, agreement, "od", DAY, cells)
    assert (twice.code, str(twice)) == ("FAILED_PRECONDITION", f"{DAY} has the live batch `b1`: name it in supersedes"), twice
    foreign = raises(weir.BrokerError, city.push, agreement, "od", DAY, cells)
    assert foreign.code in ("PERMISSION_DENIED", "NOT_FOUND"), (foreign.code, str(foreign))
    raises(weir.TableError, bikes.push, agreement, "od", DAY, pd.DataFrame(CELLS, columns=COLUMNS))


def flipped(data):
    return bytes([data[0] ^ 1]) + data[1:]


def forged(others):
    """Every way in which a receipt can be none; `others` hold, and are of another kind and of another of this kind."""

    def without(r):
        r.Clear()

    def index(r):
        r.index += 1

    def entry(r):
        r.entry = r.entry.replace(b'"v":1', b'"v":1 ')

    def proof(r):
        r.proof[0] = flipped(r.proof[0])

    def shorter(r):
        del r.proof[-1]

    def checkpoint(r):
        r.checkpoint = r.checkpoint.replace("\n\n", "\n\n\n")

    def signature(r):
        text, line = r.checkpoint.rstrip("\n").rsplit(" ", 1)
        r.checkpoint = f"{text} {line[:20]}{'A' if line[20] != 'A' else 'B'}{line[21:]}\n"

    def kind(r):
        r.CopyFrom(others[0])

    def another(r):
        r.CopyFrom(others[1])

    return [without, index, entry, proof, shorter, checkpoint, signature, kind, another]


def forgeries(bikes, city, agreement, key):
    """No answer is believed whose receipt is missing, changed, or another's; nor bytes that the log did not commit to."""
    cells = pd.DataFrame(CELLS, columns=COLUMNS).assign(mode="bike")
    unary, stream, put = city._wire.unary, city._wire.stream, bikes._wire.put
    # Receipts that hold, of something else.
    contribution = weir.client.messages.message("ContributionReceipt").FromString
    told = []
    bikes._wire.put = lambda *args: told.append(put(*args)) or told[-1]
    bikes.push(agreement, "od", "2026-10-07", cells)
    accepted = contribution(told[0]).receipt
    second = city.request(agreement, "od", "2026-10-07").key
    published = next(stream("ReleaseService", "GetRelease", release_key=second)).header.receipt
    wish = {"agreement_id": agreement, "table": "od", "period": "2027-01-07", "purpose": "dpv:PublicPolicyMaking"}
    refused = unary("ReleaseService", "RequestRelease", request_id="r7", **wish).refused_receipt
    others = {"request": (accepted, published), "fetch": (accepted, published)}
    others |= {"refusal": (accepted, refused), "put": (published, accepted)}

    def check(where, call, *args):
        for forge in forged(others[where]):
            changed = []

            def change(receipt, forge=forge, changed=changed):
                forge(receipt)
                changed.append(forge.__name__)

            def tampered(service, method, **fields):
                answer = unary(service, method, **fields)
                if method == "RequestRelease":
                    change(answer.released.receipt if answer.HasField("released") else answer.refused_receipt)
                    if forge.__name__ == "without":
                        part = answer.released if answer.HasField("released") else answer
                        part.ClearField("receipt" if answer.HasField("released") else "refused_receipt")
                return answer

            def parts(service, method, **fields):
                for part in stream(service, method, **fields):
                    if part.WhichOneof("part") == "header":
                        change(part.header.receipt)
                        if forge.__name__ == "without":
                            part.header.ClearField("receipt")
                    yield part

            def contributed(*args):
                answer = contribution(put(*args))
                change(answer.receipt)
                if forge.__name__ == "without":
                    answer.ClearField("receipt")
                return answer.SerializeToString()

            city._wire.unary, city._wire.stream, bikes._wire.put = tampered, parts, contributed
            raises(weir.ReceiptError, call, *args)
            assert changed, f"{where}: nothing was changed"
            city._wire.unary, city._wire.stream, bikes._wire.put = unary, stream, put

    check("request", city.request, agreement, "od", DAY)
    check("refusal", city.request, agreement, "od", "2027-01-06")
    check("fetch", city.fetch, key)

    def push():
        bikes.push(agreement, "od", "2026-10-08", cells, batch_id="b8")

    check("put", push)
    bikes._wire.put = lambda *_: b""
    raises(weir.ReceiptError, push)
    bikes._wire.put = put

    def changed_table(field):
        def parts(service, method, **fields):
            for part in stream(service, method, **fields):
                if field == "chunk" and part.WhichOneof("part") == "chunk":
                    part.chunk = part.chunk[:-9] + flipped(part.chunk[-9:])
                if field != "chunk" and part.WhichOneof("part") == "header":
                    setattr(part.header, field, flipped(getattr(part.header, field)))
                yield part

        return parts

    for field in ("chunk", "salt", "quality_sheet"):
        city._wire.stream = changed_table(field)
        raises(weir.TableError, city.fetch, key)
    city._wire.stream = stream
    assert len(city.fetch(key)) > 0


def others_release(city, agreement):
    """A published release of something else, key and receipt together, is no answer: its table shows it."""
    unary = city._wire.unary
    first, second = (city.request(agreement, "od", day) for day in (DAY, "2026-10-07"))
    answers = {first.period: None, second.period: None}

    def kept(service, method, **fields):
        answer = unary(service, method, **fields)
        if method == "RequestRelease":
            answers[fields["period"]] = answer
        return answer

    def swapped(service, method, **fields):
        return answers["2026-10-07"] if method == "RequestRelease" else unary(service, method, **fields)

    city._wire.unary = kept
    assert [city.request(agreement, "od", day).key for day in answers] == [first.key, second.key]
    city._wire.unary = swapped
    wrong = city.request(agreement, "od", DAY)
    city._wire.unary = unary
    assert wrong.key == second.key and len(city.fetch(wrong.key)) > 0
    refused = raises(weir.TableError, city.fetch, wrong)
    assert "another table than was asked" in str(refused), refused
    right = second.__dict__
    assert len(city.fetch(second)) > 0
    for change in ({"agreement": "0" * 64}, {"table": "od2"}, {"period": DAY}, {"merge": {"periods": [DAY]}}):
        raises(weir.TableError, city.fetch, weir.Release(**(right | change)))


def changed_answers(city, agreement):
    """Terms and zonings whose hash is another are refused, as is an answer that says more or less than it announced."""
    unary, stream = city._wire.unary, city._wire.stream

    def changed(wanted, field):
        def tampered(service, method, **fields):
            answer = unary(service, method, **fields)
            if method == wanted:
                part = answer.agreement if field == "document" else answer
                setattr(part, field, flipped(getattr(part, field)))
            return answer

        return tampered

    zoning = city.agreement(agreement)["zonings"][0]["id"]
    assert len(city.zones(agreement, zoning)) > 0
    city._wire.unary = changed("GetAgreement", "document")
    raises(weir.WeirError, city.agreement, agreement)
    city._wire.unary = changed("GetZoning", "geojson")
    raises(weir.TableError, city.zones, agreement, zoning)
    city._wire.unary = unary

    key = city.releases(agreement)["release_key"][0]

    def announced(field, value):
        def parts(service, method, **fields):
            for part in stream(service, method, **fields):
                if part.WhichOneof("part") == "header":
                    setattr(part.header, field, value)
                elif field == "table_bytes" and value > 1 << 30:
                    raise AssertionError("read before its size was looked at")
                yield part

        return parts

    for field, value in (("table_bytes", 3 << 30), ("table_bytes", 1), ("salt", b"x" * 15)):
        city._wire.stream = announced(field, value)
        raises(weir.TableError, city.fetch, key)
    city._wire.stream = stream


def renewed(city):
    """A renewed token is taken at the next call, and the connections before it are closed."""
    path, wire = city.profile.token, city._wire
    token, channel = path.read_bytes(), wire._channel
    # What renewal does: a new file in the place of the old.
    (other := path.with_suffix(".new")).write_bytes(b"no.token.atall")
    other.chmod(0o600)
    other.replace(path)
    error = raises(weir.BrokerError, city.agreements)
    assert error.code == "UNAUTHENTICATED", error.code
    assert wire._channel is not channel
    raises(ValueError, channel.unary_unary("/closed"), b"")
    other.write_bytes(token)
    other.chmod(0o600)
    other.replace(path)
    assert len(city.agreements()) > 0


def main(bikes, city, agreement, log_key):
    bikes, city = (weir.Client.from_profile(path) for path in (bikes, city))
    log_key = weir.LogKey.parse(log_key)
    assert pathlib.Path(weir.__file__).parent.parent.name == "installed", "not the built wheel"
    key = story(bikes, city, agreement, log_key)
    refusals(bikes, city, agreement, log_key)
    forgeries(bikes, city, agreement, key)
    others_release(city, agreement)
    changed_answers(city, agreement)
    renewed(city)
    print("told")


if __name__ == "__main__":
    main(*sys.argv[1:])
