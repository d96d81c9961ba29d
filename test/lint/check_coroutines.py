"""Finds the coroutine spellings that g++ 12 miscompiles, and those that are wrong with any compiler.

g++ 12 destroys temporaries twice, or never, when they live in the same full-expression as a
co_await: braced aggregates before, after or around it, capturing lambdas, and a co_await in one
branch of ?:. The rule is one that eyes can follow: name it first. Some safe spellings are
caught too (a braced duration, say); they are as easily named.
"""

import re
import sys
from pathlib import Path

from source import code_only, cpp_files, finish, line_of, self_test

BRACE = 'a braced temporary in the expression of a co_await: name it first'
LAMBDA = 'a capturing lambda in the expression of a co_await: name it first'
TERNARY = 'a co_await in a branch of ?: : write an if'
BINDING = 'a structured binding straight from co_await: name the result first'
AT_ONCE = 'a capturing coroutine lambda called at once: its captures die before it does'
REFERENCE = 'a coroutine parameter by const& or &&: take it by value'
DEFAULT = 'a braced default argument on a coroutine: overload instead'
SWALLOWED = 'detached, or an awaitable operator, swallows exceptions: name a handler, or return a result'

TOKEN = re.compile(r'\w+|->|::|&&|[{}()\[\];?:,=<>&*"]')
BLOCK_WORDS = {'else', 'do', 'try', 'const', 'noexcept', 'override', 'final', 'mutable'}
CONTROL_WORDS = {'if', 'while', 'for', 'switch', 'catch', 'constexpr'}
DEFINITION = re.compile(
    r'(?:template\s*<.*>\s*)?(?:inline\s+)?(?:struct|class|namespace|enum|union|extern|requires)\b',
    re.S)


class Statement:
    """What has been seen of the full-expression that is being read."""

    def __init__(self, start):
        self.start = start
        self.awaits = []
        self.hazards = []
        self.questions = []  # depth of each ?: that is still open
        self.depth = 0


class Reader:
    def __init__(self, text):
        self.code = code_only(text)
        self.tokens = [(m.group(0), m.start()) for m in TOKEN.finditer(self.code)]
        self.partner = self._match_brackets()
        self.findings = []

    def _match_brackets(self):
        partner, open_ones = {}, []
        for index, (token, _) in enumerate(self.tokens):
            if token in '({[':
                open_ones.append(index)
            elif token in ')}]' and open_ones:
                other = open_ones.pop()
                partner[index], partner[other] = other, index
        return partner

    def word(self, index):
        return self.tokens[index][0] if 0 <= index < len(self.tokens) else ''

    def introducer(self, brace):
        """The index of the [ of the lambda whose body opens at `brace`; None for anything else."""
        index = brace - 1
        back = index
        while back >= 0 and brace - back < 40 and self.word(back) not in ('{', '}', ';', '->'):
            back = self.partner.get(back, back) - 1 if self.word(back) in ')]' else back - 1
        if self.word(back) == '->':
            index = back - 1
        while self.word(index) in ('mutable', 'noexcept', 'constexpr'):
            index -= 1
        if self.word(index) == ')':
            index = self.partner.get(index, 0) - 1
        return self.partner.get(index) if self.word(index) == ']' else None

    def opens_block(self, index, statement):
        before = self.word(index - 1)
        if before in ('', ';', '{', '}', ':') or before in BLOCK_WORDS:
            return True
        if DEFINITION.match(self.code, self._first_of(statement)):
            return True
        if before == ')':
            return True  # a function, or a control statement, whose parenthesis was let go
        span = self.code[statement.start:self.tokens[index][1]]
        return bool(re.search(r'\)\s*(?:const\s*)?(?:noexcept\s*)?->[^;{}=]*$', span))

    def _first_of(self, statement):
        return re.compile(r'\s*').match(self.code, statement.start).end()

    def close(self, statement):
        if statement.awaits:
            self.findings += statement.hazards

    def read(self):
        statement, outer = Statement(0), []
        for index, (token, offset) in enumerate(self.tokens):
            after = offset + len(token)
            if token == '{':
                lambda_at = self.introducer(index)
                if lambda_at is not None:
                    captures = self.code[self.tokens[lambda_at][1] + 1:
                                         self.tokens[self.partner[lambda_at]][1]].strip()
                    if captures not in ('', '&'):
                        statement.hazards.append((offset, LAMBDA))
                        self._called_at_once(index, lambda_at)
                    outer.append((statement, 'lambda'))
                    statement = Statement(after)
                elif self.opens_block(index, statement):
                    self.close(statement)
                    outer.append((None, 'block'))
                    statement = Statement(after)
                else:
                    statement.hazards.append((offset, BRACE))
                    outer.append((statement, 'init'))
            elif token == '}' and outer:
                held, kind = outer.pop()
                if kind == 'init':
                    continue
                self.close(statement)
                statement = held if kind == 'lambda' else Statement(after)
            elif token == '(':
                statement.depth += 1
                if self.word(index - 1) in CONTROL_WORDS:
                    outer.append((None, 'control'))
                    statement = Statement(after)
                elif outer and outer[-1][1] == 'control':
                    outer.append((None, 'paren'))
            elif token == ')':
                statement.questions = [q for q in statement.questions if q < statement.depth]
                statement.depth -= 1
                if outer and outer[-1][1] == 'paren':
                    outer.pop()
                elif outer and outer[-1][1] == 'control':
                    outer.pop()
                    self.close(statement)
                    statement = Statement(after)
            elif token == ';':
                self.close(statement)
                statement = Statement(after)
            elif token == '?':
                statement.questions.append(statement.depth)
            elif token == 'co_await':
                statement.awaits.append(offset)
                if statement.questions:
                    statement.hazards.append((offset, TERNARY))
        return self

    def _called_at_once(self, brace, lambda_at):
        end = self.partner.get(brace)
        if end is None or self.word(end + 1) != '(':
            return
        span = self.code[self.tokens[lambda_at][1]:self.tokens[end][1]]
        if COROUTINE.search(span):
            self.findings.append((self.tokens[lambda_at][1], AT_ONCE))


SIGNATURE = re.compile(r'\bawaitable\s*<')
NAME = re.compile(r'\s+(?:\w+\s*(?:<[^<>]*>)?\s*::\s*)*\w+\s*\(')
BODY = re.compile(r'\)\s*(?:const\s*)?(?:noexcept\s*)?(?:override\s*)?(?:final\s*)?\{')
COROUTINE = re.compile(r'\bco_(?:await|return|yield)\b')


def skip(code, index, opening, closing):
    """The index just behind the bracket that closes the one before `index`."""
    depth = 1
    while index < len(code) and depth:
        depth += {opening: 1, closing: -1}.get(code[index], 0)
        index += 1
    return index


def signatures(code):
    """Yields (offset, parameters, is a coroutine) of each `awaitable<...> name(parameters)`."""
    for match in SIGNATURE.finditer(code):
        name = NAME.match(code, skip(code, match.end(), '<', '>'))
        if name:
            end = skip(code, name.end(), '(', ')')
            body = BODY.match(code, end - 1)
            inside = code[body.end():skip(code, body.end(), '{', '}')] if body else ''
            yield name.end(), code[name.end():end - 1], bool(COROUTINE.search(inside))


def parameters(text):
    depth, current = 0, ''
    for char in text:
        depth += {'(': 1, '<': 1, '{': 1, ')': -1, '>': -1, '}': -1}.get(char, 0)
        if char == ',' and depth == 0:
            yield current
            current = ''
        else:
            current += char
    yield current


def check_signatures(code):
    for offset, text, is_coroutine in signatures(code):
        for parameter in parameters(text):
            declared, _, default = parameter.partition('=')
            plain = re.sub(r'<.*>', '', declared, flags=re.S)
            if is_coroutine and re.search(r'\bconst\b[^&*]*&|\bconst\s*&|&&', plain):
                yield offset, REFERENCE
            if '{' in default and not re.match(r'\s*(?:const\s+)?std::', declared):
                yield offset, DEFAULT


def hazards(text):
    reader = Reader(text).read()
    found = reader.findings + list(check_signatures(reader.code))
    binding = re.compile(r'\bauto\s*(?:const\s*)?&{0,2}\s*\[[^\]]*\]\s*=\s*co_await\b')
    found += [(match.start(), BINDING) for match in binding.finditer(reader.code)]
    return [f'{line_of(text, offset)}: {why}' for offset, why in sorted(set(found))]


def swallowed(text):
    code = code_only(text)
    found = re.finditer(r'(?<!/)\b(?:detached|awaitable_operators)\b(?!\.hpp)', code)
    return [f'{line_of(text, match.start())}: {SWALLOWED}' for match in found]


GOOD = [
    'co_await f(std::move(named));',
    'co_await f(std::string("a {brace} and [x] in a literal;"));  // co_await f({1});',
    'co_await f(R"({"type":"hello"})");',
    'auto op = f(agg{"x", 1}); co_await std::move(op);',
    'co_return agg{std::move(s), 1};',
    'for (;;) { co_await next(); v.push_back({1, 2}); }',
    'if (co_await ready()) { x = agg{1}; }',
    'if (auto r = co_await read(); !r) { co_return error_info{r.error()}; }',
    'while (co_await f(g(1))) { h({1}); }',
    'co_await f([](int x) { return agg{x}; });',
    'co_await async_initiate([&](auto handler) { start(std::move(handler)); }, token);',
    'auto f = [s](int x) -> awaitable<void> { co_await g(x); };',
    'awaitable<void> f() { co_await g(); }',
    'auto f() -> awaitable<void> { co_await g(); }',
    'struct a : b { awaitable<void> f() { co_await g(); } int x{1}; };',
    'switch (co_await f()) { case 1: { co_await g(); } default: co_await h(); }',
    'try { co_await f(); } catch (const client_error& e) { x = {1}; }',
    'co_await f(c ? 1 : 2);',
    'int x = c ? 1 : 2; co_await f();',
    'awaitable<void> f(std::string s, std::optional<int> n = {});',
    'awaitable<void> f(const std::string& s);',
    'awaitable<void> f(const std::string& s) { return g(s); }',
    'awaitable<void> f(const char* s, std::function<void(const x&)> g) { co_return; }',
    'awaitable<T> with_deadline(awaitable<T> op, clock_source& clock);',
    'do { co_await f(); } while (x);',
    'auto r = co_await f(); auto [a, b] = std::move(r);',
    'class x final { public: x() : a_{1}, b_{2} { } awaitable<void> go() { co_await f(); } };',
]

BAD = [
    'co_await f(agg{std::string("x"), 1});',
    'co_await f({.s = x});',
    'co_await f({std::string("a"), std::string("b")});',
    'co_await f([s] { return s; });',
    'co_await f([this, s = std::move(s)](int x) mutable -> int { return x; });',
    'co_return co_await f(agg{1});',
    'if (co_await f(agg{1})) { }',
    'if (auto r = co_await f(agg{1}); r) { }',
    'take(agg{1}, co_await f());',
    'take(agg{co_await f(), 1});',
    'auto a = agg{co_await f(), 1};',
    'v.push_back({co_await f(), 1});',
    'co_return frame{co_await f()};',
    'auto s = c ? co_await f() : std::string();',
    'auto s = c ? std::string() : co_await f();',
    'auto s = (c ? (co_await f()) : std::string());',
    'auto [a, b] = co_await f();',
    'auto&& [a, b] = co_await f();',
    'co_await f(({ int x = 1; x; }));',
    'auto g = [&] { return 1; }; auto t = [](int) { return co_await f(agg{1}); };',
    'co_spawn(io, [s]() -> awaitable<void> { co_await f(s); }(), handler);',
    'co_spawn(io, [=, this]() -> awaitable<void> { co_return; }(), handler);',
    'awaitable<void> f(const std::string& s) { co_return; }',
    'asio::awaitable<result<int>> a::f(int n, std::string&& s) const noexcept { co_return 1; }',
    'awaitable<void> a<T>::f(std::string const& s) override { if (x) { co_await f(); } }',
    'awaitable<void> f(options o = {});',
    'awaitable<void> f(options o = options{1});',
]


def main():
    self_test(hazards, GOOD, BAD)
    self_test(swallowed, good=['// a detached thread', 'thread.detach();', 'co_spawn(io, f(), handler);'],
              bad=['co_spawn(io, f(), asio::detached);', 'using namespace asio::experimental::awaitable_operators;'])
    root = Path(sys.argv[1])
    findings = []
    for path in cpp_files(root, 'include', 'lib', 'test', 'example', 'bench', 'doc'):
        findings += [f'{path.relative_to(root)}:{found}' for found in hazards(path.read_text())]
    for path in cpp_files(root, 'include', 'lib', 'example'):
        findings += [f'{path.relative_to(root)}:{found}' for found in swallowed(path.read_text())]
    finish(findings, 'coroutine hazards')


if __name__ == '__main__':
    main()
