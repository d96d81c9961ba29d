#pragma once

namespace parley {

/// For as long as a write of ours is under way.
class write_mark {
public:
    explicit write_mark(unsigned& count) : count_(count) { ++count_; }
    write_mark(const write_mark&) = delete;
    write_mark& operator=(const write_mark&) = delete;
    ~write_mark() { --count_; }

private:
    unsigned& count_;
};

} // namespace parley
