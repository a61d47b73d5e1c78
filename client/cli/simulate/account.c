#include "simulate/account.h"

#include "tree/placement.h"

bool account_is_answered(const struct account *account)
{
    return account->answers.count == account->came &&
           account->answers.max_ms <= ACCOUNT_ANSWER_MS_MAX;
}

bool account_is_within_limits(const struct account *account)
{
    const struct account_limits *over = &account->over;
    return over->seats + over->egress + over->children + over->load == 0;
}

bool account_is_flat(const struct account *account)
{
    return account->over.loops == 0 && account->over.depth == 0 &&
           account->deepest <= TREE_DEPTH_MAX;
}
