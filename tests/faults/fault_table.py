"""The faults a broker must survive, one row a number: what it is, by which transports, and the tests that prove it.

Families: ``rest`` (an adapter of ours or of a third party over ``context.http``), ``botocore`` (AWS), ``azure``
(our REST transport beneath Azure), ``grpc`` (Google), ``local`` (in process). A proof is ``file::test``, the file
under ``tests``. Rows whose capability does not exist yet say which one they wait for.
"""

from __future__ import annotations

from dataclasses import dataclass

HTTP = ("rest", "botocore", "azure")
CLOUD = (*HTTP, "grpc")
ALL = (*CLOUD, "local")

_HTTP = "faults/test_faults_http.py::test_a_fault_is_told_rightly_and_every_request_is_in_the_ledger"
_GRPC = "faults/test_faults_grpc.py::test_a_fault_is_told_rightly_and_every_call_is_in_the_ledger"
_NET = "faults/test_faults_network.py::"
_AUTH = "faults/test_faults_auth.py::"
_TOKENS = "faults/test_faults_tokens.py::"
_DRIFT = "faults/test_faults_drift.py::"
_JOBS = "transcription jobs"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One fault.

    :param families: the transports that the proofs go by; empty where no transport has a part in it.
    :param proofs: tests, by file and name.
    :param later: the capability it waits for, where there is nothing to prove yet, or what of it still waits.
    """

    number: int
    words: str
    families: tuple[str, ...] = ()
    proofs: tuple[str, ...] = ()
    later: str = ""


def _row(number: int, words: str, families: tuple[str, ...], *proofs: str, later: str = "") -> Row:
    return Row(number=number, words=words, families=families, proofs=proofs, later=later)


ROWS: tuple[Row, ...] = (
    # network, names, TLS
    _row(1, "a name that does not resolve", CLOUD, _NET + "test_1_a_name_that_does_not_resolve_was_not_sent"),
    _row(2, "connection refused", CLOUD, _NET + "test_2_a_refused_connection_was_not_sent",
         "guard/test_guard_breaker.py::test_failures_in_a_row_open_it"),
    _row(3, "a host that does not accept", CLOUD, _NET + "test_3_a_host_that_does_not_accept_is_given_up_soon",
         _NET + "test_3_the_deadline_holds_while_connecting"),
    _row(4, "a reset before and after the body", CLOUD, _HTTP,
         "adapters/test_gcp_connection.py::test_a_connection_reset_after_sending_is_not_repeated"),
    _row(5, "an idle connection closed by the server", HTTP, _HTTP,
         _NET + "test_5_an_idle_connection_that_was_closed_is_replaced_unseen",
         "lifecycle/test_lifecycle_keepalive.py::test_if_it_closes_unnoticed_the_request_goes_out_once_more_and_is_one_attempt"),
    _row(6, "no answer", CLOUD, _HTTP, _GRPC,
         "faults/test_faults_http.py::test_6_a_lost_answer_is_repeated_only_when_asked_to"),
    _row(7, "an answer that drips", HTTP, _HTTP),
    _row(8, "an answer cut short, or no message", CLOUD, _HTTP, _GRPC),
    _row(9, "a chunked answer cut", HTTP, _HTTP),
    _row(10, "an answer that grows in memory", CLOUD, _HTTP,
         "adapters/test_gcp_connection.py::test_an_oversized_answer_was_served_and_is_billed"),
    _row(11, "a certificate that is not good", CLOUD,
         _NET + "test_11_a_certificate_that_is_not_good_ends_the_call_at_once",
         _NET + "test_11_grpc_tells_no_reason_but_sends_nothing"),
    _row(12, "a CA file of one's own", CLOUD, _NET + "test_12_a_ca_file_of_ones_own_holds_for_every_transport"),
    _row(13, "a proxy or portal that answers", HTTP, _HTTP, _NET + "test_13_a_proxy_that_refuses_is_named",
         "faults/test_faults_http.py::test_13_a_2xx_that_is_no_answer_is_malformed_and_counts_as_billed"),
    _row(14, "a redirect", HTTP, _HTTP,
         "faults/test_faults_http.py::test_14_no_redirect_is_followed_and_no_credential_goes_elsewhere",
         _NET + "test_14_no_credential_goes_over_plain_http_to_another_machine"),
    _row(15, "an address of the host that is dead", HTTP,
         "runtime/test_runtime_http.py::test_a_dead_first_address_does_not_eat_the_time_of_the_second"),
    # statuses
    _row(16, "a request that is refused", CLOUD, _HTTP, _GRPC),
    _row(17, "a credential that is refused", CLOUD, _HTTP, _GRPC,
         _TOKENS + "test_17_a_refused_token_is_renewed_once_and_the_call_tried_once_more",
         _TOKENS + "test_17_refused_again_is_final",
         _AUTH + "test_17_a_roles_expired_session_is_replaced_and_the_call_tried_once_more",
         _TOKENS + "test_17_a_refused_google_token_is_renewed_once",
         _AUTH + "test_17_a_fixed_key_has_no_other",
         "faults/test_faults_renewal.py::test_a_call_renews_once",
         "guard/test_guard_stage.py::test_a_credential_that_can_be_renewed_is_renewed_before_anything_is_shut"),
    _row(18, "permission, quota and a service switched off", CLOUD, _HTTP, _GRPC,
         "faults/test_classify_aws.py::test_a_permission_a_quota_and_a_service_not_switched_on_are_told_apart",
         "faults/test_classify_gcp.py::test_a_permission_a_quota_and_an_api_switched_off_are_told_apart",
         "faults/test_classify_azure.py::test_a_permission_a_quota_and_a_way_that_is_switched_off_are_told_apart"),
    _row(19, "a wrong region, endpoint or name", CLOUD, _HTTP, _GRPC),
    _row(20, "408", HTTP, _HTTP),
    _row(21, "409 for a job's name", (), later=_JOBS),
    _row(22, "too large", (*HTTP, "local"), _HTTP,
         "faults/test_faults_local.py::test_22_what_is_too_large_is_refused_before_anything_is_sent"),
    _row(23, "429 without a hint", CLOUD, _HTTP, _GRPC),
    _row(24, "hints in all forms", CLOUD, _HTTP, _GRPC,
         "faults/test_faults_hints.py::test_what_each_header_asks_for",
         "faults/test_faults_hints.py::test_a_hint_is_waited_for_or_the_call_ends_at_once",
         "faults/test_faults_hints.py::test_by_every_transport_a_hint_past_the_deadline_is_told_with_the_instant"),
    _row(25, "a refusal with Retry-After", HTTP, _HTTP),
    _row(26, "500, 502, 503, 504", CLOUD, _HTTP, _GRPC),
    _row(27, "RESOURCE_EXHAUSTED: a rate, or a quota of the day", ("grpc",), _GRPC,
         "faults/test_faults_grpc.py::test_27_a_quota_of_the_day_is_not_asked_again",
         "faults/test_classify_gcp.py::test_what_is_read_of_the_details"),
    _row(28, "UNAVAILABLE again and again", ("grpc",), _GRPC),
    _row(29, "DEADLINE_EXCEEDED", ("grpc",), _GRPC),
    _row(30, "the other codes of gRPC", ("grpc",), _GRPC,
         "faults/test_faults_grpc.py::test_the_table_knows_every_code_of_grpc",
         "faults/test_classify_gcp.py::test_all_seventeen_codes_are_in_the_table"),
    _row(31, "throttling as HTTP 400", HTTP,
         "faults/test_faults_http.py::test_31_throttling_as_http_400_is_known_by_its_code"),
    _row(32, "a status or code nobody has heard of", CLOUD, _HTTP, _GRPC,
         "faults/test_classify_aws.py::test_the_verdict_on_a_refusal",
         "faults/test_classify_azure.py::test_the_verdict_on_a_refusal",
         "faults/test_classify_azure_search.py::test_the_verdict_on_a_refusal",
         "faults/test_classify_gcp.py::test_the_verdict_on_a_refusal"),
    _row(33, "now and then", CLOUD,
         "faults/test_faults_http.py::test_33_a_fault_that_passes_is_repeated_and_both_attempts_are_told",
         "faults/test_faults_http.py::test_33_a_failed_call_tells_its_attempts_and_what_they_may_cost",
         "faults/test_faults_grpc.py::test_33_a_fault_that_passes_is_repeated_and_both_attempts_are_told"),
    _row(34, "a vendor that is out", (),
         "guard/test_guard_stage.py::test_a_full_outage_costs_few_attempts_and_then_no_request",
         "guard/test_guard_stage.py::test_coming_back_costs_one_paid_trial",
         "guard/test_guard_stage.py::test_at_most_three_trials_that_tell_nothing",
         "guard/test_guard_stage.py::test_an_open_breaker_hands_over_to_the_next_provider_without_a_request"),
    _row(35, "a vendor that is slow", (),
         "guard/test_guard_stage.py::test_a_slow_vendor_is_shut_though_it_answers",
         "guard/test_guard_stage_crowd.py::test_a_hanging_provider_takes_no_threads_from_another"),
    # credentials and clocks
    _row(36, "a token that expires meanwhile", CLOUD,
         _TOKENS + "test_36_of_many_threads_with_a_refused_token_one_fetches_the_next",
         _TOKENS + "test_36_tasks_of_one_loop_share_a_renewal_too",
         _AUTH + "test_36_of_many_threads_with_an_expired_session_one_asks_for_the_next",
         _AUTH + "test_36_keys_that_are_about_to_expire_are_renewed_by_one_of_many_threads",
         _TOKENS + "test_36_a_renewal_that_hangs_ends_with_the_deadline",
         _AUTH + "test_36_a_login_helper_that_hangs_ends_with_the_deadline",
         "adapters/test_gcp_credentials.py::test_one_token_for_many_threads"),
    _row(37, "no credential, or half of one", CLOUD,
         _AUTH + "test_37_an_absent_or_half_set_credential_is_told_at_once_by_name",
         _AUTH + "test_37_a_metadata_service_that_is_not_there_holds_nobody_up",
         "faults/test_faults_local.py::test_37_what_is_not_installed_is_told_with_the_command"),
    _row(38, "a clock that is wrong", ("botocore",), _AUTH + "test_38_a_wrong_clock_is_named_and_not_the_permission"),
    _row(39, "a key revoked or rotated meanwhile", CLOUD,
         _AUTH + "test_39_a_revoked_key_stops_its_own_provider_only",
         _AUTH + "test_39_rotated_keys_of_a_file_are_read_anew",
         "guard/test_guard_stage.py::test_refused_credentials_isolate_until_a_renewed_key_is_tried"),
    _row(40, "a wall clock that jumps", (), _AUTH + "test_40_a_wall_clock_that_jumps_moves_no_deadline",
         "budget/test_budget_calls.py::test_a_clock_set_back_does_not_open_a_budget_again"),
    # what answers hold
    _row(41, "a new member", CLOUD, _DRIFT + "test_41_a_new_member_is_passed_over_and_kept_in_raw",
         _DRIFT + "test_41_a_new_field_of_a_message_is_passed_over"),
    _row(42, "a required member missing", CLOUD, _DRIFT + "test_42_a_label_without_its_name_is_malformed",
         _DRIFT + "test_42_an_answer_without_its_list_is_malformed",
         _DRIFT + "test_42_json_that_breaks_readers_is_malformed"),
    _row(43, "an unknown word of a list", ("botocore", "grpc"),
         _DRIFT + "test_43_an_unknown_category_is_kept_as_the_vendor_said_it",
         "adapters/test_gcp_vision.py::test_unknown_stays_unknown_and_new_words_survive",
         "adapters/test_gcp_dlp.py::test_unknown_likelihoods_survive",
         later="states of jobs"),
    _row(44, "another type", HTTP, _DRIFT + "test_44_45_a_confidence_is_read_by_the_table",
         _DRIFT + "test_44_a_name_of_another_type_is_malformed"),
    _row(45, "numbers off their scale", CLOUD, _DRIFT + "test_44_45_a_confidence_is_read_by_the_table",
         _DRIFT + "test_45_a_score_of_a_message_too",
         "types/test_meaning.py::test_a_box_lies_in_the_picture_whatever_the_vendor_draws",
         "adapters/test_gcp_vision.py::test_objects_with_missing_zeros_and_places_outside_the_picture"),
    _row(46, "empty and malformed", CLOUD, _DRIFT + "test_46_no_labels_is_an_answer"),
    _row(47, "an error inside a good answer", ("botocore", "azure", "grpc"),
         "faults/test_faults_grpc.py::test_47_an_error_inside_a_good_answer_is_that_error",
         "adapters/test_aws_batch.py::test_only_texts_that_may_be_billed_cost_something",
         "adapters/test_azure_text_batches.py::test_errors_of_documents",
         "adapters/test_gcp_vision_many.py::test_a_batch_answers_each_item_in_place",
         "many/test_many.py::test_an_item_that_fails_inside_an_answer_is_an_error_in_its_place_and_is_not_billed",
         "search/test_azure_search_writes.py::test_each_document_of_a_207_has_its_own_status"),
    _row(48, "a batch with gaps or in another order", CLOUD,
         "faults/test_faults_grpc.py::test_48_a_gap_or_a_surplus_in_the_answer_is_malformed",
         _DRIFT + "test_48_labels_in_any_order_and_twice_are_kept_as_they_came",
         "adapters/test_aws_batch.py::test_results_are_put_to_their_texts_by_index",
         "adapters/test_aws_batch.py::test_a_text_without_one_answer_has_an_error_of_its_own",
         "adapters/test_azure_text_batches.py::test_documents_are_matched_by_id",
         "adapters/test_azure_text_batches.py::test_a_gap_is_a_malformed_item",
         "search/test_azure_search_writes.py::test_a_report_with_a_gap_a_stranger_or_a_double_is_none",
         "adapters/test_gcp_vision_many.py::test_another_number_of_answers_belongs_to_nobody",
         "many/test_many.py::test_an_adapter_that_leaves_an_item_out_is_a_malformed_reply"),
    _row(49, "texts that attack", CLOUD,
         _DRIFT + "test_49_names_that_attack_stay_what_the_vendor_said_and_break_nothing",
         _DRIFT + "test_49_names_of_a_message_too",
         _DRIFT + "test_49_invalid_utf_8_is_malformed",
         _DRIFT + "test_49_a_byte_order_mark_before_the_answer_is_passed_over",
         "faults/test_faults_local.py::test_49_no_label_steers_a_terminal_or_breaks_the_json",
         later="CSV and HTML come with the reports"),
    _row(50, "a model that changed", ("botocore", "azure"),
         _DRIFT + "test_50_a_new_model_version_is_recorded_with_each_attempt",
         later="the break in the series of quality comes with quality sampling"),
    # jobs
    _row(51, "the answer to a submission lost", (), later=_JOBS),
    _row(52, "killed at each edge of a job", (), later=_JOBS),
    _row(53, "a job that never ends", (), later=_JOBS),
    _row(54, "a job that failed", (), later=_JOBS),
    _row(55, "a result's link that expired", (), later=_JOBS),
    _row(56, "throttled polls", (), later=_JOBS),
    _row(57, "one input submitted twice", (), later=_JOBS),
    # this machine
    _row(58, "a full disk", (),
         "ledger/test_ledger_file.py::test_a_disk_that_fills_up_stops_the_ledger_and_loses_nothing",
         "pipeline/test_pipeline_ledger.py::test_a_paid_call_without_a_ledger_is_not_sent",
         "pipeline/test_pipeline_ledger.py::test_an_answer_that_cannot_be_settled_is_returned_and_its_row_stays_open"),
    _row(59, "a ledger locked, unreadable, broken, of another version", (),
         "ledger/test_ledger_file.py::test_what_is_no_ledger_of_ours_is_refused_with_advice_and_left_as_it_is",
         "ledger/test_ledger_file.py::test_a_truncated_ledger_is_not_taken_for_a_new_one",
         "ledger/test_ledger_file.py::test_a_locked_file_is_busy_at_once_and_not_after_a_wait",
         "ledger/test_ledger_file.py::test_every_kind_of_an_sqlite_error_comes_with_its_advice",
         "ledger/test_ledger_migrations.py::test_a_ledger_of_the_first_schema_goes_on_with_all_it_had",
         "pipeline/test_pipeline_ledger.py::test_a_ledger_that_stays_busy_stops_a_paid_call_at_its_deadline"),
    _row(60, "a race for the last unit of a budget", (),
         "budget/test_budget_race.py::test_never_over_the_cap_and_no_false_block_by_the_dead",
         "budget/test_budget_race.py::test_a_budget_of_one_unit_goes_to_one_of_two_hundred"),
    _row(61, "fork after use", HTTP, "lifecycle/test_lifecycle_fork.py::test_a_broker_in_use_serves_parent_and_child",
         "lifecycle/test_lifecycle_fork.py::test_no_connection_is_shared",
         "ledger/test_ledger_processes.py::test_a_ledger_in_use_survives_a_fork_on_both_sides",
         "faults/test_contract_once.py::test_a_forked_child_makes_its_own_though_the_lock_was_held"),
    _row(62, "threads and several event loops", HTTP,
         "lifecycle/test_lifecycle_loops.py::test_one_broker_serves_several_runs_in_a_row",
         "lifecycle/test_lifecycle_loops.py::test_several_loops_at_once_keep_apart"),
    _row(63, "the end of the program with calls in flight", (),
         "lifecycle/test_lifecycle_exit.py::test_a_program_killed_by_sigterm_ends_at_once_and_its_rows_become_unknown",
         "lifecycle/test_lifecycle_exit.py::test_ctrl_c_cancels_tasks_in_flight_and_books_them"),
    _row(64, "a price that is missing or old", (),
         "pricing/test_pricing_load.py::test_what_the_book_lacks_is_unpriced_with_the_reason_and_never_zero",
         "pricing/test_pricing_shipped.py::test_an_operation_in_a_region_the_book_lacks_is_unpriced_with_the_reason",
         "budget/test_budget_calls.py::test_unpriced_calls_are_refused_under_a_budget_and_go_on_without",
         "budget/test_budget_calls.py::test_unpriced_calls_may_count_as_a_configured_most",
         "budget/test_budget_calls.py::test_another_currency_counts_as_unpriced"),
)  # fmt: skip
