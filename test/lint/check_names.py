"""Every public enumeration prints its names: to_string in its header, {fmt} in fmt.hpp, a test."""

import re
import sys
import tempfile
from pathlib import Path

from source import finish

ENUM = re.compile(r'^( *)enum class (\w+)', re.M)
OWNER = re.compile(r'^(?:struct|class) (?:PARLEY_EXPORT )?(\w+)', re.M)
FMT, TEST = 'include/parley/fmt.hpp', 'test/unit/core/names_test.cpp'


def enumerations(text):
    """Their names as users write them, those of classes qualified."""
    for found in ENUM.finditer(text):
        indent, name = found.groups()
        if indent:
            name = OWNER.findall(text[:found.start()])[-1] + '::' + name
        yield name


def problems(root):
    found = []
    fmt, test = ((Path(root) / name).read_text() for name in (FMT, TEST))
    for header in sorted((Path(root) / 'include').rglob('*.hpp')):
        name = str(header.relative_to(root))
        text = header.read_text()
        testing = '/testing/' in name  # no part of what fmt.hpp may include
        for enumeration in enumerations(text):
            if f'to_string({enumeration})' not in text:
                found.append(f'{name}: has no to_string({enumeration})')
            if not testing and f'fmt::formatter<parley::{enumeration}>' not in fmt:
                found.append(f'{FMT}: has no formatter of {enumeration}')
            if not re.search(r'names_of<(testing::)?' + enumeration + r'\b', test):
                found.append(f'{TEST}: tries no names of {enumeration}')
    return found


def self_test():
    good = {'include/parley/a.hpp': 'enum class one { x };\nto_string(one);\n'
                                    'struct owner {\n    enum class two { y };\n};\n'
                                    'to_string(owner::two);',
            FMT: 'struct fmt::formatter<parley::one> {};\nstruct fmt::formatter<parley::owner::two>',
            TEST: 'names_of<one>() names_of<owner::two>()'}
    bad = [{'include/parley/a.hpp': 'enum class one { x };'}, {FMT: 'fmt::formatter<parley::one>'},
           {TEST: 'names_of<one>()'}, {'include/parley/testing/b.hpp': 'enum class three { z };'}]
    for files, wanted in [(good, False)] + [(good | change, True) for change in bad]:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / name).write_text(text)
            if bool(problems(folder)) != wanted:
                print(f'the self-test failed: {files}: {problems(folder)}')
                sys.exit(1)


def main():
    self_test()
    finish(problems(sys.argv[1]), 'enumerations that do not print')


if __name__ == '__main__':
    main()
