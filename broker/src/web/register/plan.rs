//! What may be released: by plan, and on request.

use policies::loss::Loss;
use policies::period::Grain;

use super::page::Page;
use super::view::One;

pub(super) fn tables(page: &mut Page, one: &One) {
    page.raw("<h2>What may be released</h2>\n<table>\n<tr><th>Table</th><th>Counts</th><th>For each</th><th>Costs each time</th><th>At most</th></tr>\n");
    for table in &one.tables {
        page.raw("<tr><td>")
            .text(table.name.as_str())
            .raw("</td><td>")
            .text(&table.counts);
        let grain = match table.period {
            Grain::Day => "day",
            Grain::Week => "week",
            Grain::Month => "month",
        };
        page.raw("</td><td>").text(grain).raw("</td><td>");
        page.text(&cost(table.charge));
        page.raw("</td><td>")
            .text(&times(table.editions))
            .raw("</td></tr>\n");
    }
    page.raw("</table>\n");
    on_request(page, one);
}

fn on_request(page: &mut Page, one: &One) {
    if one.on_request.is_empty() {
        page.raw("<p>Nothing else may be asked for.</p>\n");
        return;
    }
    page.raw("<p>Beside that, the recipients may ask for tables made coarser:</p>\n");
    page.raw("<table>\n<tr><th>Table</th><th>Made coarser</th><th>Costs each time</th><th>At most</th></tr>\n");
    for line in &one.on_request {
        page.raw("<tr><td>").text(line.table.as_str());
        page.raw("</td><td>").text(&line.coarsenings.in_words());
        page.raw("</td><td>").text(&cost(line.charge));
        page.raw("</td><td>").text(&times(line.requests));
        page.raw(" for each period it reads</td></tr>\n");
    }
    page.raw("</table>\n");
}

fn cost(charge: Option<Loss>) -> String {
    charge.map_or("nothing is charged".to_owned(), |charge| charge.to_string())
}

fn times(number: u32) -> String {
    match number {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        number => format!("{number} times"),
    }
}

#[cfg(test)]
mod tests {
    use super::times;

    #[test]
    fn numbers_are_told_in_words() {
        assert_eq!([1, 2, 3].map(times), ["once", "twice", "3 times"]);
    }
}
