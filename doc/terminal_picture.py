"""Draws what `parley-chat --demo` shows on a terminal.

terminal_picture.py PROGRAM SVG: runs it on a pseudo-terminal until it is the user's turn, and writes the picture.
terminal_picture.py --check PROGRAM SVG: the picture is what the program shows today, but for numbers, and for the lines
in a colour: a slow machine may show one more attempt, or another reason of a loss.
"""

import html
import os
import pty
import re
import signal
import sys
from pathlib import Path

END = '6. Your turn'
SECONDS = 60
COLUMNS, WIDTH, HEIGHT, MARGIN = 100, 8.4, 20, 16
STYLE = {'1': 'font-weight="bold" fill="#ffffff"', '2': 'fill="#8b949e"', '33': 'fill="#e3b341"'}
NO_BREAK = '\u00a0'  # so that every viewer keeps the indentation
COLOURED = re.compile(r'<tspan fill=')
SGR = re.compile(r'\x1b\[([\d;]*)m')


def shown_by(program):
    child, terminal = pty.fork()
    if child == 0:
        os.environ |= {'TERM': 'xterm-256color', 'COLUMNS': str(COLUMNS), 'LANG': 'C.UTF-8'}
        os.environ.pop('NO_COLOR', None)
        os.execv(program, [program, '--demo'])
    signal.alarm(SECONDS)
    output = b''
    while END.encode() not in output:
        try:
            output += os.read(terminal, 4096)
        except OSError:  # how Linux says that the program has ended
            sys.exit(f'{program} ended early:\n{output.decode()}')
    signal.alarm(0)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    text = output.decode().replace('\r', '')
    return ['\x1b[1m$ parley-chat --demo\x1b[0m', *text[:text.index(END)].rpartition('\n')[0].split('\n')]


def pieces(line):
    """The parts of a line with the attribute of each."""
    codes = [''] + SGR.findall(line)
    return [(text, STYLE.get(code, '')) for text, code in zip(SGR.split(line)[::2], codes) if text]


def picture(lines):
    width, height = COLUMNS * WIDTH + 2 * MARGIN, len(lines) * HEIGHT + 2 * MARGIN
    rows = []
    for number, line in enumerate(lines):
        spans = ''.join(f'<tspan {style}>{html.escape(text).replace("  ", NO_BREAK * 2)}</tspan>' for text, style in pieces(line))
        rows.append(f'<text x="{MARGIN}" y="{MARGIN + number * HEIGHT + 14}">{spans}</text>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" role="img"\n'
            '  font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace" font-size="14" '
            'fill="#d1d7e0">\n<title>A conversation of parley-chat with its built-in server</title>\n'
            f'<rect width="100%" height="100%" rx="8" fill="#0d1117"/>\n' + '\n'.join(rows) + '\n</svg>\n')


def words(svg):
    texts = [text for text in re.findall(r'<text [^>]*>(.*?)</text>', svg) if not COLOURED.match(text)]
    return [re.sub(r'[\d.]+', 'N', html.unescape(re.sub(r'<[^>]*>', '', text))) for text in texts]


def main():
    program, path = sys.argv[-2], Path(sys.argv[-1])
    drawn = picture(shown_by(program))
    if sys.argv[1] != '--check':
        path.write_text(drawn)
    elif words(drawn) != words(path.read_text()):
        sys.exit('\n'.join(['The picture is another one now; draw it again. The program shows:', *words(drawn)]))


if __name__ == '__main__':
    main()
