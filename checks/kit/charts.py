"""Charts as SVG, readable on a light and on a dark page."""

from html import escape

COLOURS = ("#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#76b7b2", "#edc948", "#b07aa1", "#9c755f", "#bab0ac")
LEFT, WIDTH, BAR, LINE = 150, 560, 26, 20
LINES_LEFT, LINES_WIDTH, HEIGHT, GAP = 60, 640, 170, 70


def stacked(title, rows):
    """A bar for each row, of segments whose lengths are their values; equal names share a colour."""
    names = list(dict.fromkeys(name for segments in rows.values() for name in segments))
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(names)}
    longest = max(sum(segments.values()) for segments in rows.values())
    top = 40
    shapes = [f'<text x="10" y="22" font-weight="bold">{escape(title)}</text>']
    for row, (label, segments) in enumerate(rows.items()):
        y, x = top + row * (BAR + 10), float(LEFT)
        shapes.append(f'<text x="{LEFT - 8}" y="{y + 18}" text-anchor="end">{escape(label)}</text>')
        for name, value in segments.items():
            length = WIDTH * value / longest
            shapes.append(f'<rect x="{x:.1f}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{colours[name]}"/>')
            x += length
        total = sum(segments.values())
        shapes.append(f'<text x="{x + 6:.1f}" y="{y + 18}">{total:,.0f}</text>')
    below = top + len(rows) * (BAR + 10) + 10
    for number, name in enumerate(names):
        x, y = 10 + 390 * (number % 2), below + LINE * (number // 2)
        shapes.append(key(x, y, colours[name], name))
    width, height = LEFT + WIDTH + 80, below + LINE * ((len(names) + 1) // 2) + 6
    return picture(width, height, shapes)


def lines(charts):
    """A chart below the other for each title; each is a list for each name, an item for each minute."""
    minutes = max(len(series) for chart in charts.values() for series in chart.values())
    shapes = []
    for number, (title, chart) in enumerate(charts.items()):
        top = 40 + number * (HEIGHT + GAP)
        most = max(max(series) for series in chart.values()) or 1
        shapes.append(f'<text x="{LINES_LEFT}" y="{top - 12}" font-weight="bold">{escape(title)}</text>')
        for value in (0, most):
            y = top + HEIGHT * (1 - value / most)
            shapes.append(f'<text x="{LINES_LEFT - 8}" y="{y + 4:.0f}" text-anchor="end">{value:,.0f}</text>')
            shapes.append(f'<path d="M{LINES_LEFT} {y:.1f}h{LINES_WIDTH}" stroke="#ccc"/>')
        for index, (name, series) in enumerate(chart.items()):
            points = " ".join(
                f"{LINES_LEFT + LINES_WIDTH * minute / (minutes - 1):.1f},{top + HEIGHT * (1 - value / most):.1f}"
                for minute, value in enumerate(series)
            )
            colour = COLOURS[index]
            shapes.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
            x = LINES_LEFT + 200 * index
            shapes.append(key(x, top + HEIGHT + 14, colour, name))
    width, height = LINES_LEFT + LINES_WIDTH + 20, 40 + len(charts) * (HEIGHT + GAP)
    return picture(width, height, shapes)


def key(x, y, colour, name):
    """What a colour stands for."""
    return f'<rect x="{x}" y="{y}" width="12" height="12" fill="{colour}"/><text x="{x + 18}" y="{y + 11}">{escape(name)}</text>'


def picture(width, height, shapes):
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">\n'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n' + "\n".join(shapes) + "\n</svg>\n"
    )
