# %% [markdown]
# # How Helsinki cycles, from released tables alone
#
# A city planner's notebook (cells begin with `# %%`). Start the broker with real open data, in another terminal:
#
#     weir demo --data ../shared/data --dir helsinki --keep
#
# then run this with the planner's profile and a file for the figure:
#
#     python sdk/python/examples/helsinki.py helsinki/certs/city/weir.toml helsinki.png

# %%
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd
import weir

profile, out = Path(sys.argv[1]), Path(sys.argv[2])
city = weir.Client.from_profile(profile)
agreements = city.agreements()
bikes = agreements[agreements["provider_org_id"] == "citybikes"].iloc[0]
print(bikes["title"])
# The unit of this source is one trip, so a row's contributors are its trips.
TRIPS = {f"contributors{end}": f"trips{end}" for end in ("", "_low", "_high")}

# %% [markdown]
# ## Flows of the month
#
# Released tables are bought once. This one was released in the demo, so it is only fetched; else it is requested.

# %%
released = city.releases(bikes["agreement_id"], "od_month")
if released.empty:
    release = city.request(bikes["agreement_id"], "od_month", "2023-10")
else:
    release = released.iloc[-1]["release_key"]
flows = city.geo(release).rename(columns=TRIPS)
sheet = flows.attrs["quality"]
withheld = sheet["withheld_keys"] / sheet["domain_keys"]
print(f"{len(flows):,} rows of {sheet['domain_keys']:,} possible; {withheld:.1%} are withheld or zero")
print(sheet["claim"])

# %% [markdown]
# The receipt holds without the broker: keep it with the figure.

# %%
proof = weir.verify(flows.attrs["tlog_proof"], city.log_key)
out.with_suffix(".tlog-proof").write_text(flows.attrs["tlog_proof"])
print(f"entry {proof.index} of a log of {proof.checkpoint.size} entries")

# %% [markdown]
# ## Days of a week
#
# Each day is a table of its own, and the whole day is its one bin. What a day's budget does not allow is refused, with reasons.

# %%
days = []
for day in pd.date_range("2023-10-02", "2023-10-08").strftime("%Y-%m-%d"):
    try:
        table = city.fetch(city.request(bikes["agreement_id"], "od_day", day))
    except weir.Refused as refusal:
        print(day, *refusal.ids)
        continue
    # Summed before columns are renamed: the quality sheet says which of them add up.
    days.append(weir.total(table.assign(day=day), "day", "contributors").rename(columns=TRIPS))
week = pd.concat(days) if days else pd.DataFrame(columns=["day", "trips", "trips_low", "trips_high", "rows"])
print(week.to_string(index=False))

# %% [markdown]
# ## The figure
#
# Left: the morning's flows, width by trips. Right: the strongest pairs of areas with their 95 % intervals, and the week.

# %%
INK, BLUE, ORANGE, GREY = "#22303c", "#0072b2", "#d55e00", "#d9dee2"
plt.rcParams.update({"font.size": 9, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": "#9aa5ad"})
zones = city.zones(bikes["agreement_id"], sheet["table"]["zoning"])
starts = sheet["table"]["bins"]
morning = flows[(flows["start"] == starts.index(6)) & (flows["origin"] != flows["destination"])]
morning = morning.sort_values("trips")

figure = plt.figure(figsize=(14, 7.4), layout="constrained")
areas = figure.subplot_mosaic([["map", "pairs"], ["map", "week"]], width_ratios=[2.4, 1], height_ratios=[1.4, 1])
plan = areas["map"]
plan.set_anchor("N")
ends = set(flows["origin"]) | set(flows["destination"])
zones[~zones.index.isin(ends)].plot(ax=plan, color="white", edgecolor=GREY, linewidth=0.5, hatch="////")
zones[zones.index.isin(ends)].plot(ax=plan, color="#f2f5f7", edgecolor="#b8c2c9", linewidth=0.5)
widest = morning["trips"].max()
morning.plot(ax=plan, color=BLUE, linewidth=0.3 + 7 * morning["trips"] / widest, alpha=0.55, zorder=3)
west, south, east, north = zones[zones.index.isin(ends)].total_bounds
plan.set_xlim(west - 0.01, east + 0.01)
plan.set_ylim(south - 0.01, north + 0.01)
plan.set_aspect(2.0)  # one degree of longitude is half as long as one of latitude at 60° north
plan.set_axis_off()
plan.set_title("City bike trips between postal areas, 6 to 9 o'clock, October 2023", loc="left", weight="bold")
for share in (1.0, 0.25):
    trips = widest * share // 10 * 10
    plan.plot([], [], color=BLUE, alpha=0.55, linewidth=0.3 + 7 * trips / widest, label=f"{trips:,.0f} trips")
plan.plot([], [], color=GREY, linewidth=4, label="hatched: all withheld, or no trips")
plan.legend(loc="lower left", facecolor="white", framealpha=0.9, edgecolor="none")


def bars(axis, labels, table, color):
    """Dots with the ends of their 95 % intervals."""
    errors = [table["trips"] - table["trips_low"], table["trips_high"] - table["trips"]]
    at = range(len(table))
    axis.errorbar(table["trips"], at, xerr=errors, fmt="o", color=color, capsize=3, markersize=5)
    axis.set_yticks(at, labels)
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="x", color=GREY, linewidth=0.6)
    axis.set_axisbelow(True)


top = morning.tail(10)
names = zones["name"].str.split(" ").str[:2].str.join(" ").str.strip("- ")
pairs = [f"{names.get(o, o)} → {names.get(d, d)}" for o, d in zip(top["origin"], top["destination"])]
bars(areas["pairs"], pairs, top, BLUE)
areas["pairs"].set_title("Strongest pairs, with 95 % intervals", loc="left", weight="bold")
areas["pairs"].set_xlabel("trips in the month, 6 to 9 o'clock")
week = week.iloc[::-1]
bars(areas["week"], pd.to_datetime(week["day"]).dt.strftime("%a %d"), week, ORANGE)
areas["week"].set_xlim(left=0)
areas["week"].set_title("A week, with 95 % intervals", loc="left", weight="bold")
areas["week"].set_xlabel("trips of a day on the pairs that are shown")
figure.supxlabel(
    f"{withheld:.1%} of all possible rows are withheld or zero; k = {sheet['mechanism']['selection']['k']}, unit: one {sheet['unit']}, "
    f"ρ = {sheet['charge']['rho']}. Release {flows.attrs['release'][:12]}, log entry {proof.index}, receipt checked.\n"
    "Data: City bike stations' OD data, maintainer HSL, author City Bike Finland, CC BY 4.0. Postal areas: HSY, CC BY 4.0.",
    fontsize=7.5,
    x=0.01,
    ha="left",
)
figure.savefig(out, dpi=150)
print(f"figure in {out}")
