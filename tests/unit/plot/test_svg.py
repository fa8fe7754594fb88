"""Charts as SVG: well formed, of their own ids, the same each time, and free of what users could plant in them."""

import re
from xml.etree import ElementTree

import altair as alt
import pytest

from understudy.plot.svg import accessible, svg

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '</text><script>alert("x")</script>'


def clipped(text="a"):
    """A chart that needs a clip path, and so an id."""
    data = alt.InlineData(values=[{"x": 1 / 3, "y": 2.0, "name": text}])
    return alt.Chart(data).mark_point(clip=True).encode(x="x:Q", y=alt.Y("y:Q", title=text), color="name:N")


def test_two_charts_on_a_page_share_no_id():
    pages = [svg(clipped(), name=name, title="t", description="d") for name in ("one", "two")]
    ids = [set(re.findall(r'\bid="([^"]+)"', page)) for page in pages]
    assert len(ids[0]) >= 4  # the drawing, its title, its description and a clip path
    assert not ids[0] & ids[1]


def test_every_reference_has_its_target():
    page = svg(clipped(), name="one", title="t", description="d")
    used = set(re.findall(r"url\(#([^)]+)\)", page))
    assert used
    assert used <= set(re.findall(r'\bid="([^"]+)"', page))


def test_the_same_chart_gives_the_same_bytes_whatever_was_drawn_before():
    first = svg(clipped(), name="one", title="t", description="d")
    svg(clipped("other"), name="two", title="t", description="d")
    assert svg(clipped(), name="one", title="t", description="d") == first


def test_text_of_users_is_escaped():
    page = svg(clipped(HOSTILE), name="one", title=HOSTILE, description=HOSTILE)
    root = ElementTree.fromstring(page)
    assert not [node for node in root.iter() if node.tag.endswith("script")]
    assert HOSTILE in [node.text for node in root.iter(f"{SVG}text")]
    assert (root.find(f"{SVG}title").text, root.find(f"{SVG}desc").text) == (HOSTILE, HOSTILE)


def test_readers_who_cannot_see_it_get_title_and_description():
    root = ElementTree.fromstring(svg(clipped(), name="one", title="Levels", description="They fall."))
    assert root.get("role") == "img"
    named = {node.get("id"): node.text for node in root.iter() if node.get("id")}
    assert [named[key] for key in root.get("aria-labelledby").split()] == ["Levels", "They fall."]


def test_coordinates_have_two_decimals_at_most_and_text_is_left_alone():
    page = svg(clipped("0.123456"), name="one", title="t", description="d")
    paths = " ".join(re.findall(r'\bd="([^"]*)"', page))
    assert not re.search(r"\.\d{3}", paths)
    assert "0.123456" in page


def test_data_from_elsewhere_are_not_fetched():
    chart = alt.Chart("https://example.org/levels.csv").mark_point().encode(x="x:Q")
    with pytest.raises(ValueError, match="not allowed"):
        svg(chart, name="one", title="t", description="d")


def test_a_drawing_of_any_size_follows_the_page():
    page = accessible('<svg width="120" height="60"><g/></svg>', name="d", title="t", description="d")
    assert 'viewBox="0 0 120 60"' in page
