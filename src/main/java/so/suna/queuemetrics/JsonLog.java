package so.suna.queuemetrics;

import com.google.gson.JsonObject;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Writes log lines, each a JSON object whose field {@code event} says what happened. */
record JsonLog(Consumer<String> out) {

  void write(JsonObject line) {
    // Without a level: Lambda would write it before the line, which would no longer be JSON.
    out.accept(line + "\n");
  }

  /** Something failed that nobody throws: the message of each exception in its chain. */
  void failure(String event, Throwable failure) {
    var line = new JsonObject();
    line.addProperty("event", event);
    line.addProperty(
        "cause",
        Stream.iterate(failure, Objects::nonNull, Throwable::getCause)
            .map(Throwable::toString)
            .collect(Collectors.joining(", caused by ")));
    write(line);
  }
}
