"""Lines over minutes as SVG, readable on a light and on a dark page."""

from html import escape

COLOURS = ("#4e79a7", "#f28e2b", "#59a14f", "#e15759")
LEFT, WIDTH, HEIGHT, GAP = 60, 640, 170, 70


def lines(charts):
    """A chart below the other for each title; each is a list for each name, an item for each minute."""
    minutes = max(len(series) for chart in charts.values() for series in chart.values())
    shapes = []
    for number, (title, chart) in enumerate(charts.items()):
        top = 40 + number * (HEIGHT + GAP)
        most = max(max(series) for series in chart.values()) or 1
        shapes.append(f'<text x="{LEFT}" y="{top - 12}" font-weight="bold">{escape(title)}</text>')
        for value in (0, most):
            y = top + HEIGHT * (1 - value / most)
            shapes.append(f'<text x="{LEFT - 8}" y="{y + 4:.0f}" text-anchor="end">{value:,.0f}</text>')
            shapes.append(f'<path d="M{LEFT} {y:.1f}h{WIDTH}" stroke="#ccc"/>')
        for index, (name, series) in enumerate(chart.items()):
            points = " ".join(
                f"{LEFT + WIDTH * minute / (minutes - 1):.1f},{top + HEIGHT * (1 - value / most):.1f}"
                for minute, value in enumerate(series)
            )
            colour = COLOURS[index]
            shapes.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
            x = LEFT + 200 * index
            shapes.append(f'<rect x="{x}" y="{top + HEIGHT + 14}" width="12" height="12" fill="{colour}"/>')
            shapes.append(f'<text x="{x + 18}" y="{top + HEIGHT + 25}">{escape(name)}</text>')
    width, height = LEFT + WIDTH + 20, 40 + len(charts) * (HEIGHT + GAP)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">\n'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n' + "\n".join(shapes) + "\n</svg>\n"
    )
