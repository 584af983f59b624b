package so.suna.queuemetrics.local;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * A process of its own for one handler, as Lambda has: made by its public no-argument constructor,
 * settings from the environment, one event at a time. Reads an event a line and writes lines that
 * begin with {@link Line}'s words. Ends when its input does.
 */
final class FunctionMain {

  /** How a line of output begins, after which comes a blank and the text. */
  enum Line {
    READY,
    LOG,
    RESULT,
    FAILED
  }

  private FunctionMain() {}

  public static void main(String[] args) throws IOException, ReflectiveOperationException {
    var out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    // Outside Lambda its logger prints here. What a start logs, the first event will tell again.
    System.setOut(new PrintStream(OutputStream.nullOutputStream()));
    RequestStreamHandler handler;
    try {
      handler =
          Class.forName(args[0])
              .asSubclass(RequestStreamHandler.class)
              .getConstructor()
              .newInstance();
    } catch (InvocationTargetException e) {
      say(out, Line.FAILED, String.valueOf(e.getCause()));
      return;
    }
    say(out, Line.READY, "");
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (@Nullable String event = in.readLine(); event != null; event = in.readLine()) {
      var logged = new ByteArrayOutputStream();
      System.setOut(new PrintStream(logged, true, StandardCharsets.UTF_8));
      Line line = Line.RESULT;
      String text;
      try {
        text = call(handler, event, new LocalContext());
      } catch (RuntimeException e) {
        line = Line.FAILED;
        text = String.valueOf(e.getMessage());
      }
      logged.toString(StandardCharsets.UTF_8).lines().forEach(each -> say(out, Line.LOG, each));
      say(out, line, text);
    }
  }

  private static String call(RequestStreamHandler handler, String event, Context context)
      throws IOException {
    var result = new ByteArrayOutputStream();
    handler.handleRequest(
        new ByteArrayInputStream(event.getBytes(StandardCharsets.UTF_8)), result, context);
    return result.toString(StandardCharsets.UTF_8);
  }

  private static void say(PrintStream out, Line line, String text) {
    out.println(line + " " + text.replace("\n", " "));
  }
}
