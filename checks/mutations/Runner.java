import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import com.google.gson.Gson;
import java.io.IOException;
import java.io.PrintStream;
import java.io.StringWriter;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Scanner;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.platform.engine.CancellationToken;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.TestExecutionResult.Status;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherExecutionRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * Reads a line of JSON for each mutation, compiles its files, runs its tests until the first fails, and answers with a
 * line. One JVM runs many mutations, since starting and warming one up takes longer than most tests. The class path has
 * the libraries; the arguments are the directories of the project's classes.
 */
class Runner {

  record Order(String directory, List<String> tests) {}

  record Answer(List<String> failed, int ran, String problem) {}

  private static final String LIBRARIES = System.getProperty("java.class.path");

  public static void main(String[] classes) {
    PrintStream answers = System.out;
    System.setOut(System.err);
    Gson gson = new Gson();
    var orders = new Scanner(System.in);
    while (orders.hasNextLine()) {
      answers.println(gson.toJson(answer(gson.fromJson(orders.nextLine(), Order.class), classes)));
    }
    // Threads that tests left behind must not keep the process.
    System.exit(0);
  }

  private static Answer answer(Order order, String[] classes) {
    List<String> directories = new ArrayList<>(List.of(classes));
    directories.addFirst(order.directory);
    String path = String.join(":", directories) + ":" + LIBRARIES;
    try (var loader = new URLClassLoader(urls(directories), Runner.class.getClassLoader())) {
      String problem = compile(order.directory, path);
      return problem.isEmpty() ? run(order.tests, loader, path) : new Answer(List.of(), 0, problem);
    } catch (IOException e) {
      return new Answer(List.of(), 0, e.toString());
    }
  }

  /** Without the checks of the build: the tests must notice by themselves. What javac says if it fails, else nothing. */
  private static String compile(String directory, String path) throws IOException {
    try (Stream<Path> files = Files.walk(Path.of(directory))) {
      var compiler = ToolProvider.getSystemJavaCompiler();
      var manager = compiler.getStandardFileManager(null, null, null);
      List<Path> sources = files.filter(file -> file.toString().endsWith(".java")).toList();
      var said = new StringWriter();
      var options = List.of("-proc:none", "-nowarn", "-d", directory, "-classpath", path);
      boolean done =
          sources.isEmpty()
              || compiler.getTask(said, manager, null, options, null, manager.getJavaFileObjectsFromPaths(sources)).call();
      return done ? "" : "javac: " + said;
    }
  }

  private static Answer run(List<String> tests, ClassLoader loader, String path) {
    Thread.currentThread().setContextClassLoader(loader);
    System.setProperty("java.class.path", path); // for tests that start a JVM
    var token = CancellationToken.create();
    var seen = new Seen(token);
    var request =
        LauncherDiscoveryRequestBuilder.request()
            .selectors(tests.stream().map(test -> selectClass(loader, test)).toList())
            .build();
    LauncherFactory.create()
        .execute(LauncherExecutionRequestBuilder.request(request).cancellationToken(token).listeners(seen).build());
    return new Answer(List.copyOf(seen.failed), seen.ran, "");
  }

  private static URL[] urls(List<String> directories) throws MalformedURLException {
    URL[] urls = new URL[directories.size()];
    for (int i = 0; i < urls.length; i++) {
      urls[i] = Path.of(directories.get(i)).toUri().toURL();
    }
    return urls;
  }

  private static final class Seen implements TestExecutionListener {
    private final CancellationToken token;
    private final List<String> failed = new ArrayList<>();
    private int ran;

    Seen(CancellationToken token) {
      this.token = token;
    }

    @Override
    public synchronized void executionFinished(TestIdentifier test, TestExecutionResult result) {
      ran += test.isTest() ? 1 : 0;
      if (result.getStatus() == Status.FAILED) {
        failed.add(
            test.getSource().orElse(null) instanceof MethodSource method
                ? method.getJavaClass().getSimpleName() + "." + method.getMethodName()
                : test.getDisplayName());
        token.cancel();
      }
    }
  }
}
