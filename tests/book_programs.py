"""Which test really runs each program that a lesson or a README names; test_book_commands.py holds this to be true."""

# The programs that lessons and READMEs name → the test that really runs them. The days' checks, which `pytest
# curriculum/…` runs, are run by tests/test_proof.py.
RUN_BY = {
    "curriculum.day01_pytorch_basics.train_mnist": "test_day01_pytorch_basics.py::test_runs_leave_a_record",
    "curriculum.day01_pytorch_basics.look_at_batches": "test_book_scripts.py::test_look_at_batches",
    "curriculum.day01_pytorch_basics.train_cifar10": "test_day01_pytorch_basics.py::test_runs_leave_a_record",
    "curriculum.day02_attention.plot_weights": "test_book_scripts.py::test_plot_weights",
    "curriculum.day03_gpt_model.look": "test_book_scripts.py::test_look",
    "curriculum.day04_data.download": "test_day04_data.py::test_download_prints_sizes_splits_and_an_article",
    "curriculum.day04_data.speed": "test_day04_data.py::test_speed_prints_a_table",
    "curriculum.day05_training.tiny_run": "test_book_scripts.py::test_tiny_run",
    "curriculum.day06_ddp.plot_curves": "test_day06_ddp.py::test_plot_curves_draws_a_run_of_the_capstone",
    "curriculum.day06_ddp.tune_run": "test_book_scripts.py::test_tune_run",
    "curriculum.day06_ddp.say_hello": "test_day06_ddp.py::test_say_hello_under_torchrun_and_alone",
    "curriculum.day06_ddp.two_as_one": "test_day06_ddp.py::test_torchrun_gives_the_losses_and_weights_of_one_process",
    "curriculum.day08_checkpoints.stand": "test_day08_checkpoints.py::test_stand_writes_a_record",
    "curriculum.day08_checkpoints.tune": "test_day08_checkpoints.py::test_log_from_plan_to_report",
    "curriculum.day08_checkpoints.killed_run": "test_day08_checkpoints.py::test_killed_and_resumed_to_the_bit",
    "curriculum.day08_checkpoints.monitored_run": "test_day08_checkpoints.py::test_monitored_run_without_and_with",
    "curriculum.day09_distributed.measure_throughput": "test_book_scripts.py::test_measure_throughput",
    "curriculum.day09_distributed.two_nodes": (
        "test_day09_nodes.py::test_where_nodes_cannot_be_had_the_record_says_so"
    ),
    "curriculum.day09_distributed.measure_memory": "test_book_scripts.py::test_measure_memory",
    "curriculum.day10_profiling.find_bottlenecks": (
        "test_day10_scripts.py::test_the_search_for_bottlenecks_keeps_its_traces"
    ),
    "curriculum.day10_profiling.measure_loading": (
        "test_day10_scripts.py::test_measuring_the_loading_writes_its_record"
    ),
    "curriculum.day10_profiling.before_after": "test_day10_scripts.py::test_before_and_after_writes_its_record",
    "curriculum.day11_generation.converged": "test_day11_generation.py::test_the_scripts_write_their_records",
    "curriculum.day11_generation.evaluate_run": "test_day11_generation.py::test_the_scripts_write_their_records",
    "curriculum.day11_generation.finetune": "test_day11_generation.py::test_the_scripts_write_their_records",
    "curriculum.day11_generation.generate_samples": "test_day11_generation.py::test_the_scripts_write_their_records",
    "capstone.train": "capstone/test_resume.py::test_resumed_run_has_the_same_losses_bit_for_bit",
    "capstone.generate": "capstone/test_measured.py::test_generate_depends_on_the_seed_alone",
    "capstone.evaluate": "capstone/test_evaluate.py::test_several_splits_stand_side_by_side",
    "capstone.report": "capstone/test_report.py::test_page_needs_nothing_else",
    "capstone.record": "capstone/test_record.py::test_record_is_complete",
    "course_data": "course_data/test_commands.py::test_baseline_of_a_file",
    "course status": "companion/test_status.py::test_the_screen_fits_a_terminal_and_names_the_file_to_open",
    "course check": "companion/test_check.py::test_what_pytest_is_asked_for",
    "course watch": "companion/test_watch_loop.py::test_it_checks_the_task_of_the_file_that_was_saved",
    "course grade": "companion/test_grade_hostile.py::test_it_costs_its_own_mark",
    "course hint": "companion/test_hint.py::test_one_step_more_each_time",
    "course trace": "companion/test_trace.py::test_the_screen_shows_the_way_and_both_values",
    "course again": "companion/test_again.py::test_the_stub_is_back_and_the_first_solution_kept",
    "course quiz": "companion/test_quiz_session.py::test_whoever_leaves_loses_nothing",
    "course solution": "companion/test_solution.py::test_a_yes_shows_the_difference_and_is_remembered",
    "course write": "companion/test_written.py::test_the_text_is_made_from_its_template_with_its_figures",
    "course two-weeks": "companion/test_two_weeks.py::test_the_page_is_written_and_written_anew",
    "course report": "test_day12_report.py::test_the_report_is_made_once_and_renewed",
    "course tidy": "test_day12_report.py::test_what_is_found_is_told_explained_and_recorded",
    "course try-readme": "test_day12_readme.py::test_a_stranger_gets_through",
    "course interview": "test_day13_talk.py::test_points_are_counted_and_kept_at_once",
    "course reset": "companion/test_reset.py::test_reset_puts_the_stub_back_and_undo_what_was_there",
    "course undo": "companion/test_reset.py::test_undo_can_be_undone",
    "course backups": "companion/test_reset.py::test_backups_are_listed_and_an_older_one_comes_back_by_its_number",
    "course new-stubs": "companion/test_new_stubs.py::test_a_changed_stub_comes_beside_the_learners_file",
    "course --install-completion": "companion/test_completion.py::test_the_script_of_each_shell",
    "course --show-completion": "companion/test_completion.py::test_the_script_of_each_shell",
    "course swap": "companion/test_swap.py::test_the_faulty_functions_are_found_and_nothing_else",
    "make setup": "test_makefile.py::test_train_installs_once",
    "make train": "test_makefile.py::test_train_installs_once",
    "make test": "test_makefile.py::test_test_installs_what_it_needs_and_train_after_it_nothing",
    "launch/torchrun.sh": "capstone/test_launch.py::test_one_machine_with_two_processes",
    "launch/slurm.sbatch": "capstone/test_launch.py::test_slurm_with_two_machines_played_by_this_one",
    "launch/pytorchjob.yaml": "capstone/test_launch.py::test_kubernetes_job_is_one_that_can_run",
}

# Measurements of minutes or hours, which no test repeats: their options are read here, and their records are committed.
NOT_RUN = {"capstone.bench", "docs.figures.processes_figures", "docs.proof.resume"}
