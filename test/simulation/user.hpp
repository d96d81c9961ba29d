#pragma once

#include <parley/chat_client.hpp>

#include "simulation/model_server.hpp"
#include "simulation/observer.hpp"
#include "simulation/operation.hpp"
#include "simulation/world.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace parley::simulation {

/// Who uses the client: in no reasonable order, impatiently, and never twice the same way.
class user {
public:
    user(world& in, observer& by, model_server& server, network_of_seeds& network,
         environment_ptr environment);
    ~user();

    void begin();
    void stop_acting(); ///< what has begun goes on
    void look();        ///< after every step
    void time_passes(); ///< before every move of time: the bounds of I2

    bool ready() const;
    bool settled() const; ///< ready, or ended for good
    void last_words();    ///< an `ask` that has to succeed
    void check_tools();
    void disconnect();
    void destroy();
    bool all_done() const;
    std::size_t tools_running() const noexcept { return *tools_running_; }

private:
    chat_client_config configuration();
    tool make_tool(const std::string& name);
    void make_client();
    void schedule();
    void act();

    void init();
    void send();
    void send_many();
    void ask();
    void stop_run();
    void cancel_something();
    void emit(std::shared_ptr<operation> one, asio::cancellation_type type);
    void add_tool();
    void remove_tool();
    void replace_tool();
    void change_helpers();
    void change_entity();
    void change_metadata();
    void reconnect();
    void refresh();
    void change_network();
    void idle_away();

    void consume();
    void look_at(const connection_status& now);
    std::string new_message();
    observer::verdict verdict_on(const outcome& how) const;

    /// `then` is told the outcome, and gets what the operation brought, or null.
    template <class T, class Then>
    std::shared_ptr<operation> start(std::string name,
                                     std::optional<std::chrono::milliseconds> bound,
                                     awaitable<T> what, Then then);
    std::shared_ptr<operation>
    start(std::string name, std::optional<std::chrono::milliseconds> bound, awaitable<void> what) {
        return start(std::move(name), bound, std::move(what), [](const outcome&, void*) {});
    }
    void send_one();
    void ask_for_the_last_time();

    world& world_;
    observer& observer_;
    model_server& server_;
    network_of_seeds& network_;
    environment_ptr environment_;
    chat_client_config config_;
    std::unique_ptr<chat_client> client_;
    unsigned clients_ = 0;
    unsigned epoch_ = 0;       // sessions that were begun anew
    bool had_session_ = false; // or an end: the next init begins a new epoch
    websocket_state state_ = websocket_state::idle;
    bool acting_ = true;
    bool consuming_ = false;
    bool stream_over_ = false;
    bool final_words_spoken_ = false;
    std::optional<time_point> patience_until_; // of a slow consumer
    std::vector<std::shared_ptr<operation>> operations_;
    // Asio's co_spawn has a cancellation cross its executor, and what it refers to is theirs.
    std::vector<std::shared_ptr<operation>> signalled_;
    std::set<std::string> tools_; // that are registered
    bool tools_uncertain_ = false;
    std::shared_ptr<std::size_t> tools_running_ = std::make_shared<std::size_t>(0);
    std::uint64_t last_ = 0;
    time_point last_ask_ended_{};
    double pace_ms_ = 10'000;
};

template <class T, class Then>
std::shared_ptr<operation> user::start(std::string name,
                                       std::optional<std::chrono::milliseconds> bound,
                                       awaitable<T> what, Then then) {
    auto one = std::make_shared<operation>();
    one->name = std::move(name);
    one->client = clients_;
    one->begun = world_.now();
    one->stalled_before = world_.stalled;
    one->bound = bound;
    operations_.push_back(one);
    launch(world_, one, std::move(what),
           [this, one, then = std::move(then)](const outcome& how, auto* value) {
               observer_.read(how.text, one->name);
               if (how.aborted && !one->cancelled && client_ && one->client == clients_)
                   world_.broke("I1", one->name + " was aborted, and nobody had cancelled it");
               then(how, value);
           });
    return one;
}

} // namespace parley::simulation
