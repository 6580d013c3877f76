//! A simulator that cannot find a planted fault proves nothing: every switch must be found, by an invariant that it is
//! declared to break, and the same world without it must be sound.

use sim::{Record, World, sabotage::Switch};

/// So many seeds are tried at most, from the first on.
const SEEDS: u64 = 200;

fn assert_found(switch: Switch) {
    let found = switch.find(SEEDS).unwrap_or_else(|| panic!("{switch} is not found within {SEEDS} seeds"));
    let named = found.violation.invariant;
    assert!(switch.breaks().contains(&named), "{switch} at seed {} is named wrongly: {}", found.seed, found.violation);

    let mut settings = switch.settings(found.seed);
    settings.sabotage = None;
    let mut sound = World::new(settings, Record::new(None));
    sound.run(None);
    assert!(sound.is_sound(), "seed {} without {switch}: {:?}", found.seed, sound.checker.violations);
}

/// A test for each switch, so that they run side by side, and one that none is missing.
macro_rules! each_is_found {
    ($($test:ident: $switch:ident,)*) => {
        $(
            #[test]
            fn $test() {
                assert_found(Switch::$switch);
            }
        )*

        #[test]
        fn every_switch_has_a_test() {
            assert_eq!([$(Switch::$switch,)*].as_slice(), Switch::ALL);
        }
    };
}

each_is_found! {
    acknowledge_before_persist: AcknowledgeBeforePersist,
    lower_epoch_accepted: LowerEpochAccepted,
    offer_used_twice: OfferUsedTwice,
    rescind_lost: RescindLost,
    launch_record_forgotten: LaunchRecordForgotten,
    launch_record_lost: LaunchRecordLost,
    launch_unchecked: LaunchUnchecked,
    end_not_sent_again: EndNotSentAgain,
    acknowledgement_skips_one: AcknowledgementSkipsOne,
    registry_change_forgotten: RegistryChangeForgotten,
    removed_framework_lives_on: RemovedFrameworkLivesOn,
    decline_leaks: DeclineLeaks,
    gang_launched_partly: GangLaunchedPartly,
    expired_offer_honoured: ExpiredOfferHonoured,
    task_launched_again: TaskLaunchedAgain,
    update_before_journal: UpdateBeforeJournal,
    end_before_sync: EndBeforeSync,
    limit_ignored: LimitIgnored,
    superseded_let_in: SupersededLetIn,
    kill_forgotten: KillForgotten,
    gone_forgotten: GoneForgotten,
    offered_while_draining: OfferedWhileDraining,
    created_unchecked: CreatedUnchecked,
    higher_epoch_ignored: HigherEpochIgnored,
    log_trusted_too_soon: LogTrustedTooSoon,
    fence_removed: FenceRemoved,
    lease_ignored: LeaseIgnored,
    lost_answer_taken_for_no: LostAnswerTakenForNo,
    watch_not_set_again: WatchNotSetAgain,
}
