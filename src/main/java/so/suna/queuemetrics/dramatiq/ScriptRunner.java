package so.suna.queuemetrics.dramatiq;

import java.util.List;

/** Runs a script that only reads in Redis. */
@FunctionalInterface
public interface ScriptRunner {

  /**
   * The reply: {@code Long}, {@code byte[]}, {@code null}, an exception, or a list of these.
   *
   * @throws RuntimeException if there was no reply, or the reply as a whole is an error
   */
  Object run(String script, List<String> keys, List<String> arguments);
}
