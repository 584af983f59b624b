package so.suna.queuemetrics;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Reads variables and collects their faults for one message. A blank one counts as not set. */
final class Environment {

  private final Map<String, String> variables;
  private final Set<String> known = new TreeSet<>();
  private final List<String> faults = new ArrayList<>();

  Environment(Map<String, String> variables) {
    this.variables = variables;
  }

  Optional<String> text(String name) {
    known.add(name);
    @Nullable String value = variables.get(name);
    return Optional.ofNullable(value).filter(text -> !text.isBlank());
  }

  /** The value, even if it is not allowed and so a fault: NAME must be EXPECTED. */
  Optional<String> text(String name, String pattern, String expected) {
    Optional<String> value = text(name);
    String found = shown(value.orElse(""));
    expect(
        value.isEmpty() || value.get().matches(pattern),
        "%s must be %s, was %s".formatted(name, expected, found));
    return value;
  }

  String required(String name, String pattern, String expected) {
    Optional<String> value = text(name, pattern, expected);
    expect(value.isPresent(), "%s must be %s, was empty".formatted(name, expected));
    return value.orElse("");
  }

  int number(String name, int least, int most, int otherwise) {
    String value = text(name).orElse(String.valueOf(otherwise));
    // Ten digits fit into a long; \d and parseLong would take the digits of every script.
    boolean allowed =
        value.matches("[0-9]{1,10}")
            && Long.parseLong(value) >= least
            && Long.parseLong(value) <= most;
    expect(allowed, "%s must be %s to %s, was %s".formatted(name, least, most, shown(value)));
    return allowed ? Integer.parseInt(value) : otherwise;
  }

  boolean flag(String name, boolean otherwise) {
    Optional<String> value = text(name, "true|false", "true or false");
    return otherwise ? !value.equals(Optional.of("false")) : value.equals(Optional.of("true"));
  }

  /** A value that no message may show; so the parser's message must not contain it either. */
  <T> Optional<T> secret(String name, Function<String, T> parser) {
    try {
      return text(name).map(parser);
    } catch (IllegalArgumentException e) {
      fault("%s: %s, was ***".formatted(name, e.getMessage()));
      return Optional.empty();
    }
  }

  /**
   * Refuses each variable that looks like a setting but was never read, so had no effect. The fault
   * names what was meant, or all settings that begin alike.
   *
   * @param synonyms names that other programs use, and what they are called here
   */
  void refuseOthers(String looksLikeASetting, Map<String, String> synonyms) {
    for (var variable : new TreeMap<>(variables).entrySet()) {
      String name = variable.getKey();
      boolean mistaken = synonyms.containsKey(name) || name.matches(looksLikeASetting);
      if (mistaken && !known.contains(name) && !variable.getValue().isBlank()) {
        String beginning = name.substring(0, name.indexOf('_') + 1);
        String alike =
            known.stream()
                .filter(other -> other.startsWith(beginning))
                .collect(Collectors.joining(", "));
        fault(
            "%s is not a setting here, expected %s"
                .formatted(name, synonyms.getOrDefault(name, alike)));
      }
    }
  }

  void expect(boolean condition, String fault) {
    if (!condition) {
      fault(fault);
    }
  }

  void fault(String fault) {
    faults.add(fault);
  }

  void throwIfFaulty() {
    if (!faults.isEmpty()) {
      throw new IllegalArgumentException("bad settings: " + String.join("; ", faults));
    }
  }

  /** Hides what comes before an @: someone may have entered a URL, and it may hold a password. */
  static String shown(String value) {
    return value.replaceFirst("(?s).*@", "***@");
  }
}
