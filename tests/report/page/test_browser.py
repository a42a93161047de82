"""The page in a browser without a network: everything is drawn, and answers to the pointer."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiida.orm import WorkChainNode
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from aiida_anhcsp.report.page import write_page

from ...requirements import need

PATIENCE = 120
FLAGS = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--enable-unsafe-swiftshader")
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND"
WIDE, NARROW = (1300, 900), (390, 844)

LAST_POINT = """
const root = [...arguments[0].querySelectorAll("*")].find((element) => element.shadowRoot).shadowRoot;
const graph = root.querySelector(".js-plotly-plot");
const [layout, trace] = [graph._fullLayout, graph.data[0]];
const [box, map] = [graph.getBoundingClientRect(), arguments[0].getBoundingClientRect()];
const last = trace.x.length - 1;
return [box.left + layout.xaxis._offset + layout.xaxis.d2p(trace.x[last]) - map.left - map.width / 2,
        box.top + layout.yaxis._offset + layout.yaxis.d2p(trace.y[last]) - map.top - map.height / 2];
"""
"""Where the last point of a map is, from its centre."""
CHOSEN = """
const root = [...arguments[0].querySelectorAll("*")].find((element) => element.shadowRoot).shadowRoot;
return root.querySelector("input").value;
"""
"""The number of the crystal that is shown."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    need(program is not None and driver is not None, "Chromium", "chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = str(program)
    for flag in (*FLAGS, OFFLINE):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chromium = webdriver.Chrome(options=options, service=Service(driver))
    yield chromium
    chromium.quit()


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Callable[[WorkChainNode, tuple[int, int]], Any]:
    """The page of a run in a window of this size, once it is drawn."""

    def open_page(run: WorkChainNode, size: tuple[int, int]) -> Any:
        page = write_page(run, tmp_path / "page.html")
        browser.set_window_size(*size)
        browser.get(page.as_uri())
        WebDriverWait(browser, PATIENCE).until(lambda b: b.find_elements(By.CSS_SELECTOR, "[data-ready=yes]"))
        return browser

    return open_page


@pytest.fixture
def opened(show: Callable, whole: WorkChainNode) -> Callable[[tuple[int, int]], Any]:
    """The page of the whole path."""
    return lambda size: show(whole, size)


def hovered(page: Any, plot: Any, which: str) -> str:
    """What a figure says of the point under the pointer."""
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", plot)
    ActionChains(page).move_to_element(plot.find_element(By.CSS_SELECTOR, which)).perform()
    found = WebDriverWait(page, PATIENCE).until(lambda b: plot.find_elements(By.CSS_SELECTOR, ".hovertext"))
    return str(found[0].text)


def assert_no_complaint(page: Any) -> None:
    """Neither the console nor the page says that something went wrong."""
    assert [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"] == []
    assert page.find_element(By.ID, "trouble").text == ""


def assert_fits(page: Any) -> None:
    """Nothing sticks out of the window, once the figures have followed its size."""
    fits = "return document.documentElement.scrollWidth <= window.innerWidth"
    WebDriverWait(page, PATIENCE).until(lambda browser: browser.execute_script(fits))


def test_every_panel_is_drawn_answers_to_the_pointer_and_complains_of_nothing(opened: Callable) -> None:
    page = opened(WIDE)
    plots = page.find_elements(By.CSS_SELECTOR, ".plot")
    assert len(plots) == 10  # enthalpy, three errors, ranking at two temperatures, phases, two parities, dispersions
    for plot in plots:
        assert plot.find_elements(By.CSS_SELECTOR, ".scatterlayer .trace path, .scatterlayer .trace .point")
    assert "g000-0000" in hovered(page, plots[0], ".scatterlayer .trace .point")
    assert_no_complaint(page)


def test_the_report_of_a_search_over_compositions_shows_its_hull(show: Callable, compositions: WorkChainNode) -> None:
    page = show(compositions, WIDE)
    hull = page.find_element(By.ID, "hull")
    assert len(hull.find_elements(By.CSS_SELECTOR, ".scatterlayer .trace")) == 3
    assert "40.0 meV/atom above" in hovered(page, hull, ".scatterlayer .trace:nth-of-type(3) .point")
    assert_no_complaint(page)
    page.set_window_size(*NARROW)
    assert_fits(page)


def test_a_crystal_turns_with_the_pointer(opened: Callable) -> None:
    page = opened(WIDE)
    structure = page.find_element(By.ID, "chemiscope-structure")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", structure)
    time.sleep(1)
    before = structure.screenshot_as_png
    ActionChains(page).drag_and_drop_by_offset(structure, 80, 40).perform()
    WebDriverWait(page, PATIENCE).until(lambda b: structure.screenshot_as_png != before)


def test_a_point_of_the_map_that_is_chosen_shows_its_crystal(show: Callable, compositions: WorkChainNode) -> None:
    page = show(compositions, WIDE)
    places, info = page.find_element(By.ID, "chemiscope-map"), page.find_element(By.ID, "chemiscope-info")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", places)
    assert page.execute_script(CHOSEN, info) == "0"
    x, y = page.execute_script(LAST_POINT, places)
    ActionChains(page).move_to_element_with_offset(places, round(x), round(y)).pause(1).click().perform()
    WebDriverWait(page, PATIENCE).until(lambda b: b.execute_script(CHOSEN, info) == "3")
    assert_no_complaint(page)


def test_a_narrow_screen_needs_no_sideways_scrolling(opened: Callable) -> None:
    page = opened(NARROW)
    assert_fits(page)
    assert "g000-0000" in hovered(page, page.find_elements(By.CSS_SELECTOR, ".plot")[0], ".scatterlayer .trace .point")
    assert_no_complaint(page)
