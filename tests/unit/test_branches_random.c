/* A room on some nodes through thousands of random moments: words that are late, links that are lost, nodes that
 * are started anew, caps that go up and down. Each relay seats as many as it may believe to have. */
#include "branches_house.h"

#include "tree/placement.h"

enum {
    TICK_US = 50 * 1000,
    WORDS_MAX = 1024,
    PEOPLE_MAX = 4096,
    DELAY_US = 400 * 1000,
    RESTART_HOLD_US = 1000 * BRANCHES_SETTLE_MS,
    NODES = 9,
};

/* On its way; of the origin if to != 0. */
struct letter {
    uint64_t due_us;
    uint32_t from, to, link; /* link: number of the relay's link that it goes over */
    bool is_leave;
    struct word word;
};

struct life {
    bool carries, is_up; /* its link is */
    bool may_seat;       /* a GRANT has come over this link */
    bool is_told;        /* the origin knows that the link was lost */
    uint32_t link;
    uint64_t back_us, told_us, report_us, last_up_us, last_down_us;
    uint32_t parent;
};

struct person {
    uint64_t due_us;
    uint32_t to;
};

static struct letter letters[WORDS_MAX];
static struct person people[PEOPLE_MAX];
static uint32_t people_count;
static uint32_t letter_count;
static struct life lives[NODES];
static uint64_t seed, hold_us;
static bool is_quiet, is_ordered, has_faults;
static uint64_t last_potential;
static uint32_t evening_cap, sat, dropped;

static uint32_t random_below(uint32_t bound)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((seed >> 33) % bound);
}

static bool once_in(uint32_t times)
{
    return random_below(times) == 0;
}

/* ---- words on their way ---- */

static struct letter *send_letter(uint32_t from, uint32_t to)
{
    uint32_t relay = from == 0 ? to : from;
    uint64_t due_us = now_us + random_below(DELAY_US),
             *last_us = from == 0 ? &lives[relay].last_down_us : &lives[relay].last_up_us;
    if (is_ordered && due_us < *last_us)
        due_us = *last_us;
    *last_us = due_us;
    assert_true(letter_count < WORDS_MAX);
    struct letter *letter = &letters[letter_count++];
    *letter = (struct letter){.due_us = due_us, .from = from, .to = to, .link = lives[relay].link};
    return letter;
}

static void say(void *ctx, const char *node, const struct word *word)
{
    (void)ctx;
    uint32_t number = number_of(node);
    if (word->kind == WORD_PLACE) {
        assert_in_range(word->place.level, 1, TREE_DEPTH_MAX);
        for (uint32_t i = 0; i < word->place.count; i++)
            assert_int_not_equal(number_of(word->place.parents[i].id), number);
    }
    if (lives[number].is_up) /* else nothing can be said */
        send_letter(0, number)->word = *word;
}

static void report(uint32_t number)
{
    struct letter *letter = send_letter(number, 0);
    letter->word.kind = WORD_REPORT;
    letter->word.report = relays[number].report;
    letter->word.report.view = views[number];
    lives[number].report_us = now_us + 1000 * 1000;
}

/* ---- what counts ---- */

static bool is_known(uint32_t number)
{
    struct branches_relay relay;
    size_t at = 0;
    while (branches_next(book, &at, &relay))
        if (number_of(relay.id) == number)
            return true;
    return false;
}

/* How many this relay could come to have without another word of the book. */
static uint64_t potential_of(uint32_t number)
{
    const struct relay *relay = &relays[number];
    const struct life *life = &lives[number];
    uint64_t most = life->may_seat ? relay->report.seats : relay->report.seated;
    for (uint32_t i = 0; i < letter_count; i++) {
        const struct letter *letter = &letters[i];
        if (letter->to == number && letter->word.kind == WORD_GRANT && letter->link == life->link &&
            life->is_up && letter->word.grant.number > relay->report.grant &&
            letter->word.grant.seats > most)
            most = letter->word.grant.seats;
    }
    return most;
}

/* What all could come to have. No relay more than the book counts for it. */
static uint64_t potential(void)
{
    uint32_t door = branches_own_cap(book, look.cap);
    uint64_t sum = now_us < hold_us || door < look.own_taken ? look.own_taken : door;
    struct branches_relay relay;
    size_t at = 0;
    while (branches_next(book, &at, &relay)) {
        assert_true(potential_of(number_of(relay.id)) <= relay.block);
        sum += relay.block;
    }
    return sum;
}

/* May only fall while it is above the cap. */
static void check(void)
{
    if (look.cap == 0)
        return;
    uint64_t now = potential();
    if (now > look.cap && now > last_potential)
        print_message("seed %llu: %llu after %llu, cap %u\n", (unsigned long long)seed,
                      (unsigned long long)now, (unsigned long long)last_potential, look.cap);
    assert_true(now <= look.cap || now <= last_potential);
    last_potential = now;
}

/* Something is known now that nobody could know before. */
static void check_anew(void)
{
    last_potential = look.cap == 0 ? 0 : potential();
}

/* ---- people ---- */

static void note_seats(void)
{
    views[0].seats_free = views[0].seats > look.own_taken ? views[0].seats - look.own_taken : 0;
    for (uint32_t i = 1; i < look.count; i++)
        relay_seats(i, relays[i].report.seated);
}

static bool sit_at(uint32_t number)
{
    struct relay *relay = &relays[number];
    const struct life *life = &lives[number];
    if (!life->carries || !life->is_up || !life->may_seat || !relay->report.is_hearing ||
        relay->report.seated >= relay->report.seats || relay->report.seated >= views[number].seats)
        return false;
    relay_seats(number, relay->report.seated + 1);
    sat++;
    return true;
}

static bool sit_here(void)
{
    if (now_us < hold_us || look.own_taken >= branches_own_cap(book, look.cap) ||
        look.own_taken >= views[0].seats)
        return false;
    look.own_taken++;
    sat++;
    return true;
}

static bool come(bool is_returning)
{
    struct branches_ask ask = {.region = once_in(3) ? "r1" : NULL,
                               .is_returning = is_returning,
                               .can_keep =
                                   once_in(2) && look.own_taken < branches_own_cap(book, look.cap),
                               .dice = random_below(UINT32_MAX)};
    struct branches_target target;
    if (branches_choose(book, &ask, &target)) {
        assert_true(people_count < PEOPLE_MAX);
        people[people_count++] =
            (struct person){.due_us = now_us + random_below(DELAY_US), .to = number_of(target.id)};
        return true;
    }
    return sit_here();
}

static void go(uint32_t number)
{
    if (number == 0 && look.own_taken > 0)
        look.own_taken--;
    if (number > 0 && relays[number].report.seated > 0)
        relay_seats(number, relays[number].report.seated - 1);
    note_seats();
}

/* ---- links and nodes ---- */

static void cut(uint32_t number, uint64_t away_us)
{
    struct life *life = &lives[number];
    if (!life->is_up)
        return;
    life->is_up = false;
    life->may_seat = false;
    relays[number].report.grant = 0;
    life->link++;
    life->back_us = now_us + away_us;
    life->is_told = false;
    life->told_us = now_us + random_below(2000 * 1000);
}

static void forget(uint32_t number)
{
    make_relay(number);
    lives[number].parent = TREE_NONE;
    views[number].seats_free = views[number].seats;
}

static void start_anew(uint32_t number)
{
    cut(number, 100 * 1000 + random_below(5000 * 1000));
    forget(number);
}

static void start_origin_anew(void)
{
    for (uint32_t i = 1; i < look.count; i++) {
        if (lives[i].carries && lives[i].is_up)
            cut(i, 100 * 1000 + random_below(1500 * 1000));
        lives[i].is_told = true;
    }
    letter_count = 0;
    look.own_taken = 0;
    views[0].seats_free = views[0].seats;
    make_book(true);
    hold_us = now_us + RESTART_HOLD_US;
}

static void keep_link(uint32_t number)
{
    struct life *life = &lives[number];
    if (!life->is_up && life->carries && now_us >= life->back_us) {
        life->is_up = true;
        life->is_told = true; /* there is another link: the node was never lost */
        report(number);
    }
    if (!life->is_up && !life->is_told && now_us >= life->told_us) {
        life->is_told = true;
        branches_lost(book, id_of(number), now_us);
    }
    if (life->is_up && now_us >= life->report_us)
        report(number);
}

static void leave(uint32_t number)
{
    if (!lives[number].is_up || relays[number].report.seated > 0)
        return;
    send_letter(number, 0)->is_leave = true;
    uint64_t last_us = lives[number].last_up_us + DELAY_US;
    forget(number);
    lives[number].may_seat = false;
    lives[number].carries = false;
    lives[number].is_up = false;
    lives[number].is_told = true;
    lives[number].back_us = last_us + random_below(5000 * 1000);
}

/* ---- media ---- */

static bool feeds(uint32_t parent, uint32_t child)
{
    if (parent == 0)
        return true;
    return parent < look.count && lives[parent].carries && relays[parent].report.is_hearing &&
           relays[parent].report.level < relays[child].report.level;
}

static void find_parent(uint32_t number)
{
    struct relay *relay = &relays[number];
    struct life *life = &lives[number];
    if (!life->carries || relay->report.level == WORD_LEVEL_NONE)
        return;
    if (life->parent != TREE_NONE && feeds(life->parent, number))
        return;
    dropped += life->parent != TREE_NONE && relays[life->parent].report.is_hearing;
    life->parent = TREE_NONE;
    for (uint32_t i = 0; i < relay->place.count && life->parent == TREE_NONE; i++)
        if (feeds(number_of(relay->place.parents[i].id), number))
            life->parent = number_of(relay->place.parents[i].id);
    const char *parent = life->parent != TREE_NONE ? id_of(life->parent) : "";
    memcpy(relay->report.parent, parent, strlen(parent) + 1);
    relay->report.is_hearing = life->parent != TREE_NONE;
    lives[number].report_us = now_us;
}

static void flow(void)
{
    for (uint32_t i = 1; i < look.count; i++)
        find_parent(i);
    uint32_t children[NODES] = {0};
    for (uint32_t i = 1; i < look.count; i++)
        if (lives[i].carries && lives[i].parent != TREE_NONE)
            children[lives[i].parent]++;
    for (uint32_t i = 1; i < look.count; i++) {
        relays[i].report.children = children[i];
        uint32_t at = i;
        for (unsigned steps = 0; at != 0 && lives[at].parent != TREE_NONE; steps++) {
            assert_true(steps < TREE_DEPTH_MAX); /* no circle, and not too far */
            at = lives[at].parent;
        }
    }
}

/* ---- moments ---- */

static void open_letter(const struct letter *letter)
{
    uint32_t relay = letter->from == 0 ? letter->to : letter->from;
    bool is_of_link = letter->link == lives[relay].link && lives[relay].is_up;
    if (letter->is_leave) {
        branches_left(book, id_of(letter->from), now_us);
    } else if (letter->from == 0 && is_of_link) {
        relay_hears_word(&relays[letter->to], &letter->word);
        if (letter->word.kind == WORD_GRANT)
            lives[letter->to].may_seat = true;
        lives[letter->to].report_us = now_us;
    } else if (letter->from != 0 && (is_of_link || once_in(2))) {
        bool was_known = is_known(letter->from);
        assert_int_equal(
            branches_take_report(book, id_of(letter->from), &letter->word.report, now_us), 0);
        if (!was_known)
            check_anew();
    }
}

static void open_letters(void)
{
    for (uint32_t i = 0; i < letter_count;) {
        if (letters[i].due_us > now_us) {
            i++;
            continue;
        }
        struct letter letter = letters[i];
        memmove(&letters[i], &letters[i + 1], (--letter_count - i) * sizeof(letter));
        open_letter(&letter);
        check();
    }
}

static void let_people_in(void)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < people_count; i++) {
        if (people[i].due_us > now_us)
            people[left++] = people[i];
        else if (!sit_at(people[i].to))
            (void)sit_here();
    }
    people_count = left;
}

static void change_cap(void)
{
    look.cap = once_in(8) ? 0 : 1 + random_below(2 * evening_cap);
    if (look.cap > 0 && last_potential == 0)
        check_anew();
    if (look.cap == 0)
        last_potential = 0;
}

static void misfortune(void)
{
    uint32_t number = 1 + random_below((uint32_t)look.count - 1);
    if (once_in(60))
        cut(number, random_below(once_in(4) ? 40 * 1000 * 1000 : 3000 * 1000));
    if (once_in(300))
        start_anew(number);
    if (once_in(30))
        leave(number);
    if (once_in(2000))
        start_origin_anew();
    if (once_in(200))
        change_cap();
    if (once_in(100))
        views[number].is_draining = !views[number].is_draining;
    if (once_in(50))
        look.takes_newcomers = !look.takes_newcomers;
    if (once_in(20) && !lives[number].is_up && relays[number].report.seated > 0) {
        go(number); /* back from a relay that is cut off */
        if (branches_take_back(book, id_of(number)))
            (void)sit_here();
    }
}

static void people_move(void)
{
    uint32_t number = random_below((uint32_t)look.count);
    if (once_in(2) && !sit_at(number))
        (void)come(once_in(5));
    if (once_in(3))
        go(random_below((uint32_t)look.count));
    if (once_in(40)) /* many at once */
        for (uint32_t i = 0; i < evening_cap / 3; i++)
            (void)come(false);
    if (once_in(90))
        for (uint32_t i = 0; i < evening_cap / 3; i++)
            go(random_below((uint32_t)look.count));
}

static void moment(void)
{
    now_us += TICK_US;
    if (has_faults)
        misfortune();
    if (!is_quiet)
        people_move();
    note_seats();
    for (uint32_t i = 1; i < look.count; i++) {
        lives[i].carries = lives[i].carries || (now_us >= lives[i].back_us);
        keep_link(i);
    }
    open_letters();
    let_people_in();
    check();
    flow();
    if (now_us % HOUSE_STEP_US == 0) {
        assert_int_equal(branches_step(book, &look, now_us, say, NULL), 0);
        check();
    }
}

static void run(uint32_t moments)
{
    for (uint32_t i = 0; i < moments; i++)
        moment();
}

static void begin(uint32_t cap, uint32_t seats)
{
    evening_cap = cap;
    make_house(2 + random_below(NODES - 1), 1 + random_below(3), seats, cap);
    letter_count = 0;
    people_count = 0;
    hold_us = 0;
    look.own_taken = 0;
    memset(lives, 0, sizeof(lives));
    for (uint32_t i = 0; i < look.count; i++) {
        lives[i].parent = TREE_NONE;
        lives[i].back_us = now_us + random_below(3000 * 1000);
        lives[i].is_told = true;
    }
    check_anew();
}

static uint32_t seated(void)
{
    uint32_t sum = look.own_taken;
    for (uint32_t i = 1; i < look.count; i++)
        sum += relays[i].report.seated;
    return sum;
}

/* Links are up, words come: all is as it should be. */
static void assert_well(void)
{
    for (uint32_t i = 1; i < look.count; i++) {
        assert_true(lives[i].is_up && relays[i].report.is_hearing);
        assert_in_range(relays[i].report.level, 1, TREE_DEPTH_MAX);
        assert_true(lives[i].may_seat || relays[i].report.grant == 0);
    }
    if (look.cap == 0)
        return;
    uint32_t before = seated(), all = (uint32_t)look.count * views[0].seats;
    assert_true(potential() <= (look.cap > before ? look.cap : before));
    uint32_t wanted = look.cap < all ? look.cap : all;
    for (uint32_t i = 0; i < 400 && seated() < wanted; i++) {
        for (uint32_t k = 0; k < 1 + wanted / 20; k++) {
            uint32_t number = random_below((uint32_t)look.count);
            if (!sit_at(number) && !come(false))
                break;
        }
        moment();
    }
    if (seated() != (wanted > before ? wanted : before))
        print_message("%u of %u, before %u\n", seated(), wanted, before);
    assert_int_equal(seated(), wanted > before ? wanted : before);
}

static void evening(uint64_t number, uint32_t cap, uint32_t seats)
{
    seed = number * 7919;
    begin(cap, seats);
    has_faults = true;
    is_quiet = false;
    run(1500);
    has_faults = false;
    for (uint32_t i = 1; i < look.count; i++) {
        views[i].is_draining = false;
        if (lives[i].back_us > now_us)
            lives[i].back_us = now_us;
    }
    if (look.cap == 0)
        change_cap();
    check_anew();
    run(200);
    is_quiet = true;
    run(1000);
    assert_well();
}

static void evenings(bool ordered, uint32_t seats)
{
    static const uint32_t caps[] = {1, 2, 7, 30, 300, 2000};
    is_ordered = ordered;
    sat = 0;
    dropped = 0;
    for (uint64_t i = 0; i < 72; i++)
        evening(i + 1, caps[i % 6], seats);
    assert_true(sat > 10000); /* else nothing was tried */
}

static void test_seats_are_exact_and_trees_sound_through_all_misfortunes(void **state)
{
    (void)state;
    evenings(true, 3000);
}

static void test_words_may_overtake_each_other(void **state)
{
    (void)state;
    evenings(false, 3000);
}

static void test_nodes_that_are_smaller_than_the_cap_are_filled(void **state)
{
    (void)state;
    evenings(true, 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seats_are_exact_and_trees_sound_through_all_misfortunes),
        cmocka_unit_test(test_words_may_overtake_each_other),
        cmocka_unit_test(test_nodes_that_are_smaller_than_the_cap_are_filled),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    branches_destroy(book);
    return failed;
}
