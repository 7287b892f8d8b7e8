//! What every store must do: the contracts of `Directory` and `Sessions`, verb by verb and answer by answer, races and
//! restarts included. A store's own test file says how to make a fresh one, and calls [`suite!`].
//!
//! Nothing here reads a clock: every moment is an argument.

pub mod clients;
pub mod joining;
pub mod keys;
pub mod log;
pub mod model;
pub mod races;
pub mod renewal;
pub mod restarts;
pub mod sessions;
pub mod spending;
pub mod sweeping;
pub mod table;
pub mod tally;
pub mod users;
pub mod using;
pub mod world;

pub use world::{Store, World, at};

/// Runs the whole suite on stores made by `$fresh`: an `async fn() -> (impl Store, impl Drop)`, whose second part is
/// kept until the test is over; and by `$alone`, whose second part can be stopped and started ([`restarts::Restart`]).
macro_rules! suite {
    ($name:literal, $fresh:path, $alone:path) => {
        $crate::conformance::suite! { @of $name, $fresh, $alone;
            restarts { what_was_answered, a_race }
            renewal {
                rotated, held, retried, retried_up_to_six_intervals, too_many_retries, recovered, lost_six_times,
                superseded, reused, skipped_is_poison, ahead, unknown, expired, stale, alarm_about_strangers,
                idle_end_moves, hundreds_of_generations,
            }
            table { is_the_table }
            model { is_the_model }
            using {
                live, writes_little, touch_unknown, touch_expired, touch_stale, touch_superseded,
            }
            joining {
                joins, goes_on_side_by_side, lives_by_the_use_of_any, takes_the_place_of_what_was_given_before,
                join_unknown, join_expired, join_stale, join_full, theft_in_one_ends_all, ends_with_all_its_grants,
                a_new_password_supersedes_all, a_client_is_cut_off_alone, sweeps_all_its_grants,
            }
            sessions {
                opens, opens_stale, ends, ends_only_its_owners, ends_of_grant, ends_all_of_user, ends_all_but_one,
                lists, changes_password, changes_password_stale, admits, admits_stale,
            }
            users {
                adds, refuses_what_is_taken, finds_credentials, lists, changes, sets_password, replaces_password, rehashes, disables, deletes,
            }
            clients { puts, disables, changes_style, cuts_off, keeps_two_secrets }
            keys { live_and_die, one_active, one_active_of_each_ring, issuers_algorithm, removed_in_an_emergency }
            log {
                has_no_gaps, tells_a_snapshot, pages_a_snapshot, pages_a_tail, says_for_whom, notices_a_roll_back, revokes, ends_everything,
                begins_again,
                keeps_the_longest_lifetime, notes_and_reads_the_trail,
            }
            spending { spends_once, spends_stale, tells_the_log, one_moment_for_a_hundred, sweeps_what_expired }
            sweeping { sweeps_sessions, sweeps_the_log_and_the_trail }
            races {
                one_of_a_hundred_renews, one_of_a_hundred_recovers, one_user_of_an_address, one_active_key, two_live_secrets,
                password_changes_exclude_each_other, sign_in_against_cut_off, the_log_under_fire,
                a_session_that_a_hundred_use, a_hundred_join_one_that_ends, a_hundred_join_while_somebody_is_cut_off,
                a_hundred_join_while_the_password_changes, a_hundred_join_what_has_room_for_few,
            }
        }
    };
    (@of $name:literal, $fresh:path, $alone:path;
        restarts { $($restart:ident),* } $($group:ident { $($case:ident),* $(,)? })*) => {
        static TALLY: $crate::conformance::tally::Tally = {
            const CASES: &[&str] = &[$(stringify!($restart),)* $($(stringify!($case),)*)*];
            $crate::conformance::tally::Tally::new($name, CASES.len())
        };
        mod restarts {
            $(
                #[test]
                fn $restart() {
                    $crate::conformance::run(&super::TALLY, $alone(), async |world, keep| {
                        $crate::conformance::restarts::$restart(world, keep).await;
                    });
                }
            )*
        }
        $(
            mod $group {
                $(
                    #[test]
                    fn $case() {
                        $crate::conformance::run(&super::TALLY, $fresh(), async |world, _| {
                            $crate::conformance::$group::$case(world).await;
                        });
                    }
                )*
            }
        )*
    };
}
pub(crate) use suite;

/// Runs one case on a fresh store, on several threads.
pub fn run<S: Store, K>(
    tally: &'static tally::Tally,
    fresh: impl Future<Output = (S, K)>,
    case: impl AsyncFnOnce(World<S>, &K),
) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap()
        .block_on(async {
            let (store, keep) = fresh.await;
            let world = World::new(store).await;
            tally.count(case(world, &keep)).await;
            drop(keep);
        });
}
