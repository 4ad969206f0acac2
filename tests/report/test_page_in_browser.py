"""The page as people meet it: Chromium opens it, clicks, sorts, prints it, and nothing else is asked of any network.

Without Chromium these tests are skipped, except where CI says that it has to be there: `make browser` brings it.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from analyzer import analyze
from tests.logs import export, invocation, write_export

ROOT = Path(__file__).parent.parent.parent
CHROMIUM = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PHONES = [(360, 640), (390, 844)]
# Milliseconds that a busy machine may take for anything.
PATIENCE = 120_000
expect.set_options(timeout=PATIENCE)
HOSTILE = "</code><img src=x onerror='window.broken=1'><script>window.broken=1</script><svg onload='window.broken=1'>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if chromium is None:
        if os.environ.get("CI"):
            pytest.fail("there is no Chromium to open the page with; `make browser` installs it")
        pytest.skip("there is no Chromium to open the page with; `make browser` installs it on Debian and Ubuntu")
    with sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=chromium, timeout=PATIENCE)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the sample logs."""
    file = tmp_path_factory.mktemp("page") / "report.html"
    analyze([str(ROOT / "sample_logs" / "lambda-autotuner-agent")], file)
    return file


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty window of a desktop's size. What a page complains of, or asks of any other place, fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    window = context.new_page()
    complaints: list[str] = []
    asked: list[str] = []
    window.on("console", lambda message: complaints.append(message.text))
    window.on("pageerror", lambda error: complaints.append(str(error)))
    window.on("request", lambda request: asked.append(request.url))
    yield window
    shown = window.url.partition("#")[0]
    context.close()
    assert complaints == []
    assert [url for url in asked if url != shown] == []


def show(page: Page, file: Path) -> None:
    page.goto(file.as_uri())


def sideways(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    width: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width


def test_the_contents_lead_to_every_section(page: Page, sample: Path) -> None:
    show(page, sample)
    headings = page.locator("main h2").all_inner_texts()
    assert {"Executive summary", "Critical issues", "Root-cause analysis", "Solutions", "Appendix: evidence"} <= set(
        headings
    )
    links = page.locator("nav a")
    assert links.all_inner_texts() == headings
    for number, heading in enumerate(headings):
        links.nth(number).click()
        expect(page.locator("h2", has_text=re.compile(f"^{re.escape(heading)}$"))).to_be_in_viewport()


def test_every_link_leads_somewhere(page: Page, sample: Path) -> None:
    show(page, sample)
    targets = page.locator("a[href]").evaluate_all("links => links.map((link) => link.getAttribute('href').slice(1))")
    assert len(targets) > 50
    known = set(page.locator("[id]").evaluate_all("all => all.map((one) => one.id)"))
    assert set(targets) <= known


def test_no_two_elements_have_one_name(page: Page, sample: Path) -> None:
    show(page, sample)
    names = page.locator("[id]").evaluate_all("all => all.map((one) => one.id)")
    assert len(names) == len(set(names))


def test_a_click_on_a_heads_column_sorts_by_what_its_cells_mean(page: Page, sample: Path) -> None:
    show(page, sample)
    table = page.locator("table").first
    names = table.locator("tbody tr td:first-child")
    assert len(names.all_inner_texts()) == 3
    head = table.get_by_role("columnheader", name="median")
    medians = table.locator("tbody tr td:nth-child(4)")

    def seconds() -> list[float]:
        return [
            float(text.split()[0]) * {"ms": 0.001, "s": 1.0, "min": 60.0}[text.split()[1]]
            for text in medians.all_inner_texts()
        ]

    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert seconds() == sorted(seconds())
    head.get_by_role("button").press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert seconds() == sorted(seconds(), reverse=True)


def test_the_mark_of_a_number_opens_the_query_behind_it(page: Page, sample: Path) -> None:
    show(page, sample)
    mark = page.locator("sup a").first
    query = page.locator(f"[id='{mark.inner_text()}']").locator("xpath=following::pre[1]")
    expect(query).not_to_be_visible()
    mark.click()
    expect(query).to_be_in_viewport()
    expect(query).to_contain_text("SELECT")


def test_pointing_at_a_chart_says_what_is_there(page: Page, sample: Path) -> None:
    show(page, sample)
    chart = page.locator("figure.chart").first
    chart.scroll_into_view_if_needed()
    said = chart.locator("output")
    expect(said).not_to_be_visible()
    box = chart.locator("svg").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.93 * box["width"], box["y"] + 0.3 * box["height"])
    expect(said).to_be_visible()
    expect(said).to_contain_text(re.compile(r"data-processing-pipeline: \d"))
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] - 5)
    expect(said).not_to_be_visible()


def test_arrow_keys_step_through_a_chart(page: Page, sample: Path) -> None:
    show(page, sample)
    chart = page.get_by_role("figure", name="Durations over time")
    chart.focus()
    told = []
    for key in ("Home", "ArrowRight", "ArrowRight", "End", "ArrowLeft"):
        chart.press(key)
        told.append(chart.locator("output").inner_text())
        expect(chart.locator("output")).to_be_in_viewport()
    assert len(set(told)) == 5
    assert all(re.match(r"2026-03-17 \d\d:\d\dZ: [\d.]+ m?s\n", text) for text in told)
    assert told[:2] == sorted(told[:2])
    chart.press("Escape")
    expect(chart.locator("output")).not_to_be_visible()


def test_a_chart_can_be_enlarged_and_put_back(page: Page, sample: Path) -> None:
    show(page, sample)
    chart = page.locator("figure.chart").first
    before = chart.bounding_box()
    chart.get_by_role("button", name="Enlarge").press("Enter")
    assert chart.bounding_box() == {"x": 0, "y": 0, "width": 1280, "height": 900}
    chart.get_by_role("button", name="Close").press("Escape")
    after = chart.bounding_box()
    assert before is not None
    assert after is not None
    assert (before["width"], before["height"]) == (after["width"], after["height"])


def test_without_scripts_the_browser_itself_says_what_is_there(browser: Browser, sample: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    window = context.new_page()
    window.goto(sample.as_uri())
    assert window.locator("figure.chart .hints rect title").count() > 50
    expect(window.locator("main h2").first).to_be_visible()
    context.close()


def test_a_command_can_be_copied(page: Page, sample: Path) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    show(page, sample)
    lines = page.locator("details", has_text="log lines behind this").first
    lines.locator("summary").click()
    block = lines.locator(".copyable").first
    block.get_by_role("button").press("Enter")
    expect(block.get_by_role("button")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == block.locator("pre").inner_text().strip()
    assert copied.startswith("gzip -dcf ")


def test_plain_words_come_first_and_each_sentence_leads_to_its_proof(page: Page, sample: Path) -> None:
    show(page, sample)
    assert page.locator("main h2").first.inner_text() == "In plain words"
    sentences = page.locator("h2:has-text('In plain words') + ul > li")
    assert sentences.count() >= 5
    for number in range(sentences.count()):
        link = sentences.nth(number).locator("a").first
        proof = (link.get_attribute("href") or "")[1:]
        link.click()
        expect(page.locator(f"[id='{proof}']")).to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_in_the_dark(page: Page, sample: Path, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    show(page, sample)
    ratios = page.evaluate(CONTRASTS)
    assert ratios
    assert {text: ratio for text, ratio in ratios.items() if ratio < 4.5} == {}
    assert (page.evaluate("brightness(getComputedStyle(document.body).backgroundColor)") < 0.1) == (scheme == "dark")


# The contrast of each kind of text with what is painted behind it, after WCAG 2.
CONTRASTS = """() => {
  globalThis.brightness = (colour) => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d");
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((one) => one / 255)
      .map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const colour = getComputedStyle(element).backgroundColor;
    return /, 0\\)|\\/ 0\\)|transparent/.test(colour) && element.parentElement ? behind(element.parentElement) : colour;
  };
  const found = {};
  for (const kind of ["p", "a", "sup a", "h1", "h2", "th", "td", "code", "summary", "td code", "nav a", ".chart text"]) {
    const element = document.querySelector(kind);
    if (!element) continue;
    const style = getComputedStyle(element);
    const ink = brightness(kind.endsWith("text") ? style.fill : style.color), paper = brightness(behind(element));
    found[kind] = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
  }
  return found;
}"""


@pytest.mark.parametrize("size", PHONES, ids=str)
def test_a_phone_shows_it_without_scrolling_sideways(page: Page, sample: Path, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    show(page, sample)
    assert sideways(page) == 0
    page.locator("details > summary").evaluate_all("all => all.forEach((one) => one.click())")
    assert sideways(page) == 0


def test_it_prints_with_everything_unfolded(page: Page, sample: Path) -> None:
    show(page, sample)
    assert page.locator("details[open]").count() == 0
    printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) > 5
    expect(page.locator("details:not([open])")).to_have_count(0)
    page.emulate_media(media="print")
    expect(page.locator("nav")).not_to_be_visible()


def test_paper_cuts_nothing_off(page: Page, sample: Path) -> None:
    show(page, sample)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 718, "height": 1000})  # what A4 leaves between margins of a centimetre
    page.locator("details").evaluate_all("all => all.forEach((one) => one.open = true)")
    assert sideways(page) == 0


def test_what_logs_say_is_text_to_a_browser_too(page: Page, tmp_path: Path) -> None:
    write_export(tmp_path / "logs", export(*invocation(f"[ERROR] KeyError: {HOSTILE}"), *invocation(HOSTILE)))
    analyze([str(tmp_path / "logs")], tmp_path / "report.html", function=HOSTILE[:60])
    show(page, tmp_path / "report.html")
    assert page.evaluate("window.broken") is None
    assert page.locator("main script, main img, main svg[onload]").count() == 0
    expect(page.locator("main")).to_contain_text("window.broken=1")
