"""The tables of doc/reference say what the code says: names, numbers, defaults and bounds.

check_tables.py ROOT

Every errc with its number, every setting with its default and whether 0 is taken, every event and its members, every
counter, every exported metric, every line of `parley-chat --json` and its members, every exit status; and each message that the page on
troubleshooting quotes is in the code, and in a test that provokes it. The manual pages in doc/man have every option,
variable of the environment and exit status of their programs, and the version.
"""

import re
import sys
from pathlib import Path

from source import finish

ROW = re.compile(r'^\| `([\w.]+)` \|(.*)\|$', re.M)
STRUCT = re.compile(r'^struct (\w+) \{(?:[^\n]*\};|\n(.*?)^\};)', re.M | re.S)
UNITS = {'ms': 1, 's': 1000, 'KiB': 1 << 10, 'MiB': 1 << 20, '': 1}


def without_comments(text):
    return re.sub(r'//[^\n]*', '', text)


def rows(page):
    """name -> the other cells."""
    return {match[1]: [cell.strip() for cell in match[2].split('|')] for match in ROW.finditer(page)}


def differences(page, wanted, written):
    return ([f'{page}: there is no row for {name}' for name in wanted if name not in written] +
            [f'{page}: there is no {name} in the code' for name in written if name not in wanted])


def members(body):
    """name -> (type, default) of the data members of a struct."""
    found = {}
    for statement in re.sub(r'\benum class \w+ \{[^}]*\};', '', body).split(';'):
        match = re.fullmatch(r'\s*([\w:<>,\s*()&]+?)\s+(\w+)\s*(?:\{([^{}]*)\}|=\s*(.+))?\s*', statement, re.S)
        if match and match[1] not in ('using', 'return'):
            found[match[2]] = (match[1].strip(), (match[3] if match[3] is not None else match[4] or '').strip())
    return found


def structs(header):
    return {match[1]: members(match[2] or '') for match in STRUCT.finditer(without_comments(header))}


def number(text):
    match = re.fullmatch(r"([\d']+)u?(?: << (\d+))?", text)
    return int(match[1].replace("'", '')) << int(match[2] or 0) if match else None


def said(cell):
    match = re.fullmatch(r'([\d,]+) ?(ms|s|KiB|MiB|)', cell)
    return int(match[1].replace(',', '')) * UNITS[match[2]] if match else None


def default_of(kind, default):
    """As the table spells it, or as a number."""
    if number(default) is not None:
        return number(default)
    if default in ('true', 'false'):
        return default
    return default.rsplit('::', 1)[-1] or 'none'


def settings(name, known, prefix=''):
    """path -> (struct, member, default), depth first."""
    found = {}
    for member, (kind, default) in known[name].items():
        if kind in known and kind != 'header':
            found |= settings(kind, known, f'{prefix}{member}.')
        else:
            found[prefix + member] = (name, member, default_of(kind, default))
    return found


def lower_bounds(tables):
    """(struct, member) -> whether 0 is taken; only what has bounds."""
    return {(match[1], match[2]): bool(re.search(r'zero_turns_off|\b0u\b', match[3] or ''))
            for match in re.finditer(r'bounded_setting\{&(\w+)::(\w+),\s*"\w+"(?:,\s*([^}]*))?\}', tables)}


def check_errors(page, header):
    body = re.search(r'enum class errc \{(.*?)\n\};', header, re.S)[1]
    code = {match[1]: match[2] for match in re.finditer(r'^ *(\w+) = (\d+)', body, re.M)}
    written = rows(page)
    found = differences('doc/reference/errors.md', code, written)
    return found + [f'doc/reference/errors.md: {name} is {code[name]}' for name in written if name in code and written[name][0] != code[name]]


def check_options(page, header, tables):
    code, written = settings('chat_client_config', structs(header)), rows(page)
    found, bounds = differences('doc/reference/options.md', code, written), lower_bounds(tables)
    for name in code.keys() & written.keys():
        struct, member, default = code[name]
        cells = written[name]
        if (said(cells[0]) if isinstance(default, int) else cells[0]) != default:
            found.append(f'doc/reference/options.md: {name} is {default} by default, not {cells[0]}')
        takes_zero = bounds.get((struct, member))
        if takes_zero is None and cells[1] or takes_zero is not None and (cells[1] == '0') != takes_zero:
            found.append(f'doc/reference/options.md: the least {name} is not {cells[1]}')
        if takes_zero and '0: ' not in cells[2]:
            found.append(f'doc/reference/options.md: {name} does not say what 0 means')
    return sorted(found)


def check_events(page, header):
    listed = re.search(r'using event =\s*std::variant<(.*?)>;', header, re.S)[1]
    names, known, written = re.findall(r'\w+', listed), structs(header), rows(page)
    found = differences('doc/reference/events.md', names, written)
    for name in set(names) & written.keys():
        said_members = set(re.findall(r'`(\w+)`', written[name][0]))
        if said_members != known[name].keys():
            found.append(f'doc/reference/events.md: the members of {name} are {", ".join(known[name])}')
    return sorted(found)


def check_metrics(page, header):
    return differences('doc/reference/metrics.md', structs(header)['metrics_snapshot'], rows(page))


def telemetry_rows(table):
    """name -> type, labels, buckets, help; by the table of lib/telemetry."""
    found = {}
    for row in re.split(r'metric_description\{(?=\s*")', table)[1:]:
        name, kind, helps = re.match(r'\s*"(\w+)",\s*metric_type::(\w+),\s*((?:"[^"]*"\s*)+)', row).groups()
        labels = ', '.join(f'`{label}`' for label in re.findall(r'label_of\(\s*"(\w+)"', row))
        bounds = re.search(r'metric_bounds::(\w+)', row)
        found[name] = [kind, labels, bounds[1] if bounds else '', ''.join(re.findall(r'"([^"]*)"', helps))]
    return found


def check_telemetry(page, table):
    code, written = telemetry_rows(table), rows(page)
    return differences('doc/reference/telemetry.md', code, written) + [
        f'doc/reference/telemetry.md: {name} is {" | ".join(code[name])}'
        for name in code.keys() & written.keys() if code[name] != written[name]]


def check_json(page, source):
    """The names of the lines; the members that are set in the function that makes each are looked for too."""
    lines = {}
    for block in re.split(r'^(?=    line operator|std::|json_text |void )', source, flags=re.M):
        for name in re.findall(r'(?:named|reported_error)\("(\w+)"', block):
            lines.setdefault(name, set()).update(re.findall(r'(?:\.set\(|set\w*\(\w+, )"(\w+)"', block))
    written = rows(page)
    found = differences('doc/how-to/scripts.md', lines, written)
    for name in lines.keys() & written.keys():
        missing = lines[name] - set(re.findall(r'`(\w+)`', ' '.join(written[name])))
        found += [f'doc/how-to/scripts.md: {name} has a member {member}' for member in sorted(missing)]
    return found


def statuses(header):
    return set(re.findall(r'= (\d+)', re.search(r'enum class exit_status : int \{(.*?)\n\};', header, re.S)[1]))


def check_statuses(page, header):
    written = set(re.findall(r'^\| (\d+) \|', page, re.M))
    return [f'doc/how-to/scripts.md: exit status {one}' for one in sorted(statuses(header) ^ written)]


def check_manual(name, page, source, version, wanted_statuses):
    text = page.replace('\\', '')
    wanted = {'--help', *re.findall(r'(?:add_option|add_flag|set_\w+_flag)\(\s*"(?:-\w,)?(--[\w-]+)"', source)}
    wanted |= wanted_statuses | set(re.findall(r'envname\("(\w+)"', source))
    written = set(re.findall(r'^\.TP\n\.\w+ (?:-\w ", " )?([\w-]+)', text, re.M))
    found = [f'{name}: {one} is {"not there" if one in wanted else "not in the code"}' for one in sorted(wanted ^ written)]
    if f'"parley {version}"' not in text.partition('\n')[0]:
        found.append(f'{name}:1: the version is {version}')
    return found


def plain(text):
    """Literals joined, white space as one."""
    return re.sub(r'\s+', ' ', re.sub(r'"\s*\n\s*"', '', text))


def check_messages(page, sources, tests):
    """A heading of the page is a message in backticks; what varies in it is an ellipsis."""
    found = []
    for heading in re.findall(r'^### `(.+)`$', page, re.M):
        for piece in re.split(r'…', heading):
            if len(piece.strip()) > 3 and piece.strip(' .') not in sources:
                found.append(f'doc/troubleshooting.md: no code says "{piece.strip()}"')
            elif len(piece.strip()) > 3 and piece.strip(' .') not in tests:
                found.append(f'doc/troubleshooting.md: no test provokes "{piece.strip()}"')
    return found


def self_test():
    header = ("struct inner {\n    std::size_t most = 4u << 20; ///< x\n    milliseconds wait{5'000};\n    milliseconds off{0};\n};\n"
              'struct chat_client_config {\n    std::string url;\n    inner in;\n    bool on = true;\n    std::function<a(b, bool)> f;\n};\n')
    tables = 'bounded_setting{&inner::most, "most", one, largest}, bounded_setting{&inner::wait, "wait"}, bounded_setting{&inner::off, "off", zero_turns_off}'
    good = '| `url` | none | | x |\n| `in.most` | 4 MiB | 1 | x |\n| `in.wait` | 5 s | 1 ms | x |\n| `in.off` | 0 ms | 0 | 0: x |\n| `on` | true | | x |\n| `f` | none | | x |\n'
    if check_options(good, header, tables):
        sys.exit(f'the self-test failed: {check_options(good, header, tables)}')
    for old, new in [('4 MiB', '5 MiB'), ('| 5 s', '| 6 s'), ('1 ms', '0'), ('0: x', 'x'), ('| `on` | true | | x |\n', ''), ('true', 'false'), ('`f`', '`g`')]:
        if not check_options(good.replace(old, new, 1), header, tables):
            sys.exit(f'the self-test failed: {old} -> {new}')
    errors = 'enum class errc {\n    a = 1, ///< x\n    b = 2,\n};'
    for page, count in [('| `a` | 1 | x |\n| `b` | 2 | x |', 0), ('| `a` | 1 | x |', 1), ('| `a` | 1 | x |\n| `b` | 3 | x |', 1)]:
        if len(check_errors(page, errors)) != count:
            sys.exit(f'the self-test failed: {page}')
    events = 'struct a {\n    std::string x;\n};\nstruct b {};\nusing event = std::variant<a,\n b>;'
    for page, right in [('| `a` | `x` | y |\n| `b` | | y |', True), ('| `a` | `y` | y |\n| `b` | | y |', False), ('| `b` | | y |', False)]:
        if bool(check_events(page, events)) == right:
            sys.exit(f'the self-test failed: {page} {check_events(page, events)}')
    manual = '.TH A 1 x "parley 1.0"\n.TP\n.BR \\-h ", " \\-\\-help\nx --y\n.TP\n.BI \\-\\-a\\-b " C"\n.TP\n.B E_F\n.TP\n.B 0\n'
    options = 'app.add_option("--a-b", x)->envname("E_F");'
    for page, code, version, exits, right in [
            (manual, options, '1.0', {'0'}, True), (manual, options, '1.1', {'0'}, False), (manual, options, '1.0', set(), False),
            (manual, '', '1.0', {'0'}, False), (manual, options + 'add_flag(\n "-v,--verbose"', '1.0', {'0'}, False)]:
        if bool(check_manual('a.1', page, code, version, exits)) == right:
            sys.exit(f'the self-test failed: manual page {check_manual("a.1", page, code, version, exits)}')
    table = 'metric_description{"parley_a_seconds", metric_type::histogram, "One."\n " Two.", {label_of("x", p, q)}, metric_bounds::run}, metric_description{"parley_b", metric_type::gauge, "B."},'
    good = '| `parley_a_seconds` | histogram | `x` | run | One. Two. |\n| `parley_b` | gauge | | | B. |\n'
    for old, new in [('', ''), ('run', 'exchange'), ('`x`', '`y`'), ('gauge', 'counter'), ('Two.', 'Three.'), ('`parley_b`', '`parley_c`')]:
        if bool(check_telemetry(good.replace(old, new), table)) != (old != ''):
            sys.exit(f'the self-test failed: telemetry {old} -> {new}: {check_telemetry(good.replace(old, new), table)}')
    says, quotes = 'It is {} wrong', '### `It is … wrong.`'
    if check_messages(quotes, says, says) or not check_messages(quotes, says, '') or not check_messages(quotes, 'It was', says):
        sys.exit('the self-test failed: messages')


def main():
    self_test()
    root = Path(sys.argv[1])

    def text(*names):
        return '\n'.join((root / name).read_text() for name in names)

    sources = plain('\n'.join(path.read_text() for folder in ('lib', 'example', 'include', 'test/lint')
                              for path in sorted((root / folder).rglob('*.?p*'))))
    tests = plain('\n'.join(path.read_text() for path in sorted((root / 'test').rglob('*'))
                            if path.suffix in ('.cpp', '.hpp') or path.name == 'parley_chat_test.py'))
    found = check_errors(text('doc/reference/errors.md'), text('include/parley/error_code.hpp'))
    found += check_options(text('doc/reference/options.md'), text('include/parley/config.hpp'), text('lib/core/setting_tables.hpp'))
    found += check_events(text('doc/reference/events.md'), text('include/parley/event.hpp'))
    found += check_metrics(text('doc/reference/metrics.md'), text('include/parley/metrics.hpp'))
    found += check_telemetry(text('doc/reference/telemetry.md'), text('lib/telemetry/metric_table.hpp'))
    found += check_json(text('doc/how-to/scripts.md'), text('example/parley_chat/json_output.cpp'))
    found += check_statuses(text('doc/how-to/scripts.md'), text('example/parley_chat/exit_status.hpp'))
    found += check_messages(text('doc/troubleshooting.md'), sources, tests)
    version = re.search(r"version: '([^']+)'", text('meson.build'))[1]
    for program, source, exits in [('chat', 'parley_chat/options.cpp', statuses(text('example/parley_chat/exit_status.hpp'))),
                                   ('server', 'parley_server/main.cpp', {'0', '1', '2'})]:
        page = f'doc/man/parley-{program}.1'
        found += check_manual(page, text(page), text(f'example/{source}'), version, exits)
    finish(found, 'differences between the tables and the code')


if __name__ == '__main__':
    main()
