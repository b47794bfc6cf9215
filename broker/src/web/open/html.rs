//! Open data as pages, in plain words. What anybody wrote is escaped.

use super::about::About;
use super::format::Format;
use super::shelf::Known;
use crate::web::register::Page;

/// What is open, newest first.
pub(super) fn list(all: &[About], next: Option<u64>, entries: u64) -> String {
    let mut page = Page::new("Open data");
    page.raw("<h1>Open data</h1>\n<p>Released tables that everybody may use, each approved by a second person. ");
    page.raw("For what was agreed about them see the <a href=\"/register\">register of agreements</a>.</p>\n");
    if all.is_empty() {
        page.raw("<p>There is none on this page.</p>\n");
    } else {
        page.raw("<table>\n<tr><th>Table</th><th>Public since</th><th>Licence</th></tr>\n");
        for about in all {
            row(&mut page, about);
        }
        page.raw("</table>\n");
    }
    if let Some(next) = next {
        page.raw("<p><a href=\"/open?before=")
            .text(&next.to_string());
        page.raw("\">Older ones</a></p>\n");
    }
    page.finish(entries, "/open.jsonld")
}

fn row(page: &mut Page, about: &About) {
    page.raw("<tr><td>");
    match &about.withdrawn {
        Some((_, why)) => {
            page.text(&about.name())
                .raw("<br><span class=\"small\">withdrawn: ");
            page.text(why).raw("</span>");
        }
        None => {
            page.raw("<a href=\"").text(&about.path()).raw("\">");
            page.text(&about.name()).raw("</a>");
        }
    }
    page.raw("</td><td>").text(&format!("{:.0}", about.opened));
    page.raw("</td><td>")
        .text(&licences(about))
        .raw("</td></tr>\n");
}

/// One table that is public.
pub(super) fn one(about: &About, known: &Known, entries: u64) -> String {
    let mut page = Page::new(&about.name());
    page.raw("<p><a href=\"/open\">Open data</a></p>\n<h1>")
        .text(&about.name());
    page.raw("</h1>\n<p class=\"said\">")
        .text(&about.summary)
        .raw("</p>\n<dl>\n");
    page.fact("Counts", &about.counts);
    for (first, last) in about.runs() {
        let days = format!("{} to {}, both included", first.first(), last.last());
        page.fact("About", &days);
    }
    page.fact("Zones", about.zoning.as_str());
    let providers: Vec<_> = about.providers.iter().map(|org| org.as_str()).collect();
    page.fact("Data comes from", &providers.join(", "));
    page.fact("Asked for by", about.planner.as_str());
    page.fact("Licence", &licences(about));
    page.fact("Public since", &format!("{:.0}", about.opened));
    page.fact("Protection", about.protection);
    if let Some(claim) = &known.claim {
        page.fact("What is promised", claim);
    }
    page.raw("<dt>Agreement</dt><dd><a href=\"/register/")
        .text(about.agreement.as_str());
    page.raw("\">")
        .text(&about.title)
        .raw("</a></dd>\n</dl>\n<h2>Files</h2>\n<table>\n");
    page.raw("<tr><th>File</th><th>Bytes</th><th>SHA-256</th></tr>\n");
    for (format, digest) in &known.files {
        page.raw("<tr><td><a href=\"")
            .text(&address(about, *format))
            .raw("\">");
        page.text(format.title()).raw("</a></td><td>");
        page.text(&digest.size.to_string())
            .raw("</td><td class=\"small\">");
        page.text(&hex::encode(digest.sha256)).raw("</td></tr>\n");
    }
    page.raw("</table>\n<p>Proof that it was released as agreed: <a href=\"")
        .text(&about.path());
    page.raw(".tlog-proof\">receipt</a>, and <a href=\"")
        .text(&about.path());
    page.raw(".salt\">salt</a> of its commitment.</p>\n");
    page.finish(entries, "/open.jsonld")
}

fn address(about: &About, format: Format) -> String {
    format!("{}.{}", about.path(), format.suffix())
}

fn licences(about: &About) -> String {
    let named: Vec<_> = about
        .licences
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    named.join(", ")
}
