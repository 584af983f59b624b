package so.suna.queuemetrics.cloudwatch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import so.suna.queuemetrics.dramatiq.Figures;

/** The README's example of what target tracking makes of either metric. */
class ScalingExampleTest {

  private static final double TARGET = 10;
  private static final int MAX_WORKERS = 20;

  @Test
  void depthThatNoWorkerChangesGrowsTheFleetToItsMaximum() {
    assertThat(workersFrom(2, _ -> 15)).containsExactly(2, 3, 5, 8, 12, 18, 20, 20);
  }

  @Test
  void backlogPerWorkerHoldsTheFleetWhereItSuffices() {
    assertThat(workersFrom(2, workers -> Figures.backlogPerWorker(15 + 5, workers)))
        .containsExactly(2, 2, 2, 2, 2, 2, 2, 2);
  }

  /** Target tracking asks for workers x metric / target, rounded up. */
  private static List<Integer> workersFrom(int first, IntToDoubleFunction metric) {
    return IntStream.iterate(
            first,
            workers ->
                (int)
                    Math.min(
                        MAX_WORKERS, Math.ceil(workers * metric.applyAsDouble(workers) / TARGET)))
        .limit(8)
        .boxed()
        .toList();
  }
}
