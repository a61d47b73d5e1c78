/* Two nodes that call each other, and everybody who would like to be one of them. */
#include "tree/trust.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MESSAGE_MAX = 256 };

struct message {
    uint8_t data[MESSAGE_MAX];
    size_t bytes;
};

/* A call from "anna" to "bert", and what they said until then. */
struct call {
    struct trust anna, bert;
    struct message hello, answer, proof;
};

static struct cluster_key key_of(uint8_t seed)
{
    struct cluster_key key;
    memset(key.bytes, seed, sizeof(key.bytes));
    return key;
}

static struct slice slice_of_message(const struct message *message)
{
    return slice_of(message->data, message->bytes);
}

static int take(struct trust *trust, const struct message *message, struct message *answer)
{
    struct writer out = writer_of(answer->data, sizeof(answer->data));
    int err = trust_take(trust, slice_of_message(message), &out);
    answer->bytes = out.at;
    return err;
}

static void begin(struct call *call, uint8_t anna_seed, uint8_t bert_seed)
{
    struct cluster_key anna = key_of(anna_seed), bert = key_of(bert_seed);
    struct writer out = writer_of(call->hello.data, sizeof(call->hello.data));
    trust_begin(&call->anna, TRUST_CALLER, &anna, "anna");
    trust_begin(&call->bert, TRUST_CALLED, &bert, "bert");
    assert_int_equal(trust_greet(&call->anna, &out), 0);
    call->hello.bytes = out.at;
}

static void connect_both(struct call *call)
{
    struct message nothing;
    begin(call, 7, 7);
    assert_int_equal(take(&call->bert, &call->hello, &call->answer), 0);
    assert_int_equal(take(&call->anna, &call->answer, &call->proof), 0);
    assert_int_equal(take(&call->bert, &call->proof, &nothing), 0);
    assert_int_equal(nothing.bytes, 0);
    assert_int_equal(call->anna.state, TRUST_PROVED);
    assert_int_equal(call->bert.state, TRUST_PROVED);
}

static struct message sealed(struct trust *trust, const char *text)
{
    struct message message;
    struct writer out = writer_of(message.data, sizeof(message.data));
    assert_int_equal(trust_seal(trust, slice_text(text), &out), 0);
    message.bytes = out.at;
    return message;
}

static int opened(struct trust *trust, const struct message *message, const char *text)
{
    struct slice word;
    int err = trust_open(trust, slice_of_message(message), &word);
    if (err == 0) {
        assert_int_equal(word.bytes, strlen(text));
        assert_memory_equal(word.data, text, word.bytes);
    }
    return err;
}

static void test_two_who_know_the_secret_hear_each_other(void **state)
{
    (void)state;
    struct call call;
    connect_both(&call);
    assert_string_equal(trust_other(&call.anna), "bert");
    assert_string_equal(trust_other(&call.bert), "anna");
    for (unsigned i = 0; i < 3; i++) {
        struct message up = sealed(&call.anna, "hearing 17"), down = sealed(&call.bert, "live");
        assert_int_equal(up.bytes, strlen("hearing 17") + TRUST_SEAL_BYTES);
        assert_int_equal(opened(&call.anna, &down, "live"), 0);
        assert_int_equal(opened(&call.bert, &up, "hearing 17"), 0);
    }
    struct message empty = sealed(&call.anna, "");
    assert_int_equal(opened(&call.bert, &empty, ""), 0);
}

static void test_another_secret_is_nobody(void **state)
{
    (void)state;
    struct call call;
    begin(&call, 7, 8);
    assert_int_equal(take(&call.bert, &call.hello, &call.answer), 0);
    assert_int_equal(take(&call.anna, &call.answer, &call.proof), ERR_AUTH);
    assert_int_equal(call.anna.state, TRUST_BROKEN);
    memset(call.proof.data, 0, sizeof(call.proof.data)); /* it guesses */
    call.proof.bytes = CLUSTER_MAC_BYTES;
    assert_int_equal(take(&call.bert, &call.proof, &call.answer), ERR_AUTH);
    assert_int_equal(take(&call.bert, &call.proof, &call.answer), ERR_BADSTATE); /* only once */
}

/* Whatever is changed, cut off or added in one of the three messages, nobody believes it. */
static void test_each_bit_of_the_greeting_counts(void **state)
{
    (void)state;
    for (unsigned which = 0; which < 3; which++) {
        struct call call;
        connect_both(&call);
        const size_t bytes[] = {call.hello.bytes, call.answer.bytes, call.proof.bytes};
        for (size_t bit = 0; bit < bytes[which] * 8 + 2; bit++) {
            begin(&call, 7, 7);
            struct message *const messages[] = {&call.hello, &call.answer, &call.proof};
            struct message nothing;
            int err = 0;
            for (unsigned i = 0; i < 3 && err == 0; i++) {
                if (i == which && bit < bytes[i] * 8)
                    messages[i]->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
                else if (i == which)
                    messages[i]->bytes = bit == bytes[i] * 8 ? bytes[i] - 1 : bytes[i] + 1;
                err = take(i == 1 ? &call.anna : &call.bert, messages[i],
                           i == 0   ? &call.answer
                           : i == 1 ? &call.proof
                                    : &nothing);
            }
            assert_int_not_equal(err, 0);
            assert_true(call.anna.state != TRUST_PROVED || call.bert.state != TRUST_PROVED);
        }
    }
}

static void test_ones_own_words_sent_back_prove_nothing(void **state)
{
    (void)state;
    struct call call;
    struct cluster_key key = key_of(7);
    struct trust anna_called;
    struct message answer, proof;
    begin(&call, 7, 7);
    trust_begin(&anna_called, TRUST_CALLED, &key, "anna");
    assert_int_equal(take(&anna_called, &call.hello, &answer), ERR_PROTO); /* her own id */
    begin(&call, 7, 7);
    assert_int_equal(take(&call.anna, &call.hello, &proof), ERR_PROTO);
    /* The proof of the one who was called is not that of a caller. */
    begin(&call, 7, 7);
    assert_int_equal(take(&call.bert, &call.hello, &answer), 0);
    memcpy(proof.data, answer.data + answer.bytes - CLUSTER_MAC_BYTES, CLUSTER_MAC_BYTES);
    proof.bytes = CLUSTER_MAC_BYTES;
    assert_int_equal(take(&call.bert, &proof, &answer), ERR_AUTH);
}

static void test_a_word_is_believed_once_in_its_order_and_direction(void **state)
{
    (void)state;
    struct call call, other;
    struct message first, second;
    connect_both(&call);
    first = sealed(&call.anna, "one");
    second = sealed(&call.anna, "two");
    assert_int_equal(opened(&call.bert, &second, "two"), ERR_AUTH); /* before the first */
    connect_both(&call);
    first = sealed(&call.anna, "one");
    assert_int_equal(opened(&call.bert, &first, "one"), 0);
    assert_int_equal(opened(&call.bert, &first, "one"), ERR_AUTH); /* again */
    connect_both(&call);
    first = sealed(&call.anna, "one");
    assert_int_equal(opened(&call.anna, &first, "one"), ERR_AUTH); /* back to her */
    connect_both(&call);
    connect_both(&other);
    first = sealed(&call.anna, "one");
    assert_int_equal(opened(&other.bert, &first, "one"), ERR_AUTH); /* on another link */
}

static void test_each_bit_of_a_word_counts(void **state)
{
    (void)state;
    struct call call;
    connect_both(&call);
    struct message right = sealed(&call.anna, "hearing 17");
    struct trust bert = call.bert;
    for (size_t bit = 0; bit < right.bytes * 8; bit++) {
        struct message wrong = right;
        struct trust here = bert;
        wrong.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(opened(&here, &wrong, "hearing 17"), ERR_AUTH);
        assert_int_equal(opened(&here, &right, "hearing 17"), ERR_BADSTATE); /* the link is over */
    }
    for (size_t bytes = 0; bytes < right.bytes; bytes++) {
        struct message shorter = {.bytes = bytes};
        struct trust here = bert;
        memcpy(shorter.data, right.data, bytes);
        assert_int_equal(opened(&here, &shorter, "hearing 17"),
                         bytes < TRUST_SEAL_BYTES ? ERR_PROTO : ERR_AUTH);
    }
}

static void test_nothing_is_sealed_before_the_proof(void **state)
{
    (void)state;
    struct call call;
    uint8_t bytes[64];
    struct writer out = writer_of(bytes, sizeof(bytes));
    struct slice word;
    begin(&call, 7, 7);
    assert_int_equal(trust_seal(&call.anna, slice_text("one"), &out), ERR_BADSTATE);
    assert_int_equal(trust_open(&call.bert, slice_of(bytes, sizeof(bytes)), &word), ERR_BADSTATE);
    connect_both(&call);
    struct writer small = writer_of(bytes, TRUST_SEAL_BYTES + 2);
    assert_int_equal(trust_seal(&call.anna, slice_text("one"), &small), ERR_FULL);
    static const struct trust nothing = {.state = TRUST_BROKEN};
    trust_clear(&call.anna);
    assert_memory_equal(&call.anna, &nothing, sizeof(nothing));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_who_know_the_secret_hear_each_other),
        cmocka_unit_test(test_another_secret_is_nobody),
        cmocka_unit_test(test_each_bit_of_the_greeting_counts),
        cmocka_unit_test(test_ones_own_words_sent_back_prove_nothing),
        cmocka_unit_test(test_a_word_is_believed_once_in_its_order_and_direction),
        cmocka_unit_test(test_each_bit_of_a_word_counts),
        cmocka_unit_test(test_nothing_is_sealed_before_the_proof),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
